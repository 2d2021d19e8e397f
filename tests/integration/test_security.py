"""What a stranger may write into a message: no key but its own tenant's reaches S3, and SQL is data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.tests.support.fake_pipeline import EmptyPipeline
from video_analysis.tests.support.video_task import BODY, KEY, OTHER, VIDEO, WORKSPACE
from video_analysis.worker_config import BestSettings, SnapshotSettings
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import MissingObject, Permanent
from video_analysis.worker_utils.observability.observer import LogObserver
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.worker import VideoWorker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Sql = Callable[..., list[dict[str, Any]]]
OWN = f"demo_user/{WORKSPACE}/{VIDEO}"
THEIRS = f"demo_user/{OTHER}/{VIDEO}"
REFUSED_KEYS = [
    f"{THEIRS}/raw/clip.mp4",
    f"demo_user/{WORKSPACE}/{OTHER}/raw/clip.mp4",
    f"{OWN}/raw/../../../../{THEIRS}/raw/clip.mp4",
    f"{OWN}/raw/..",
    f"../{OWN}/raw/clip.mp4",
    f"demo_user/../{THEIRS}/raw/clip.mp4",
    f"/{KEY}",
    f"//{KEY}",
    "/etc/passwd.mp4",
    f"file:///{KEY}",
    f"s3://elsewhere/{KEY}",
    f"https://example.com/{KEY}",
    KEY.replace("/", "%2f"),
    KEY.replace("/raw/", "%2Fraw%2F"),
    f"demo_user/%2e%2e/{OTHER}/raw/clip.mp4",
    KEY.replace("/", "\\"),
    KEY.replace("/", "\uff0f"),  # a fullwidth solidus
    KEY.replace("a", "\u0430"),  # a Cyrillic letter
    KEY.replace("-", "\u2010"),
    KEY.replace("5", "\uff15"),
    KEY.replace("/raw/", "/snapshots/"),
    f"{KEY}\n",
    f"{KEY}\0",
    f"{OWN}/raw/a\r\nHost: elsewhere\r\n.mp4",
    f"{OWN}/raw/a\x1b[2J.mp4",
    KEY.upper(),
]
"""Keys that never reach S3, whatever the rest of the message says."""
ODD_NAMES = [
    "%2e%2e/%2e%2e/clip.mp4",
    "\uff0e\uff0e/clip.mp4",
    "...././clip.mp4",
    "./clip.mp4",
    "a?versionId=1&x=y#z.mp4",
    "'; DROP TABLE videos; --.mp4",
    "%s %(id)s {0} $1 \\.mp4",
    "' || (SELECT current_user) || '.mp4",
]
"""Names that a client may give a video: strange, and its own."""
WEIGHTS = [{"weights": "/tmp/evil.pt"}, {"yolo_weights": "x.pt"}, {"checkpoint": "s3://x/y.pt"}, {"url": "http://x"}]


@pytest.fixture
def asked(s3: S3Client) -> Iterator[list[str]]:
    """Paths of all that S3 is asked for, as they go over the wire, without the percent signs."""
    paths: list[str] = []

    def note(request: Any, **_: Any) -> None:
        paths.append(unquote(urlsplit(request.url).path))

    s3.meta.events.register("before-send.s3", note)
    yield paths
    s3.meta.events.unregister("before-send.s3", note)


@pytest.fixture
def worker(s3: S3Client, bucket: str, database_url: str) -> Iterator[VideoWorker]:
    """Stage 1 with a real bucket and a real database; it never comes to sending."""
    database = Database(database_url, "test")
    yield VideoWorker(
        ObjectStore(s3, bucket),
        VideoRepository(database),
        ImageAnalysisRepository(database),
        Publisher(boto3.Session(), "no-such-queue", region="ap-southeast-2"),
        EmptyPipeline(),
        OutputSettings(bucket, BestSettings(), SnapshotSettings(upload_workers=2)),
        observer=LogObserver(),
    )
    database.close()


def delivered(**changes: object) -> Delivery:
    lease: Any = SimpleNamespace(check=lambda: None)
    return Delivery("id", json.dumps(BODY | changes), receive_count=1, is_last=False, lease=lease)


@pytest.mark.parametrize("form", ["in the message", "in the row"])
def test_a_hostile_key_never_reaches_s3(worker: VideoWorker, asked: list[str], sql: Sql, form: str) -> None:
    sql("INSERT INTO videos (id, workspace_id, status) VALUES (%s, %s, 'queued')", VIDEO, WORKSPACE)
    for key in REFUSED_KEYS:
        task = delivered(s3_key_raw=key)
        if form == "in the row" and "\0" not in key:
            sql("UPDATE videos SET s3_key_raw = %s, workspace_code = 'CTX1005', camera_code = 'CAM1'", key)
            body = {"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE}
            task = Delivery("id", json.dumps(body), receive_count=1, is_last=False, lease=task.lease)
        with pytest.raises(Permanent, match="s3_key_raw"):
            worker.handle([task])
    assert asked == []


def test_a_strange_name_is_a_name_in_the_own_folder_and_its_text_is_data(
    worker: VideoWorker, asked: list[str], sql: Sql, bucket: str
) -> None:
    sql("INSERT INTO videos (id, workspace_id, status) VALUES (%s, %s, 'queued')", VIDEO, WORKSPACE)
    for name in ODD_NAMES:
        task = delivered(s3_key_raw=f"{OWN}/raw/{name}")
        with pytest.raises(MissingObject) as missing:
            worker.handle([task])
        worker.record(task, missing.value, final=True)
        (row,) = sql("SELECT error_msg FROM videos")
        assert row["error_msg"].startswith(f"s3://{bucket}/{OWN}/raw/{name} not found")
    assert [path.removeprefix(f"/{bucket}/{OWN}/raw/") for path in asked] == ODD_NAMES


def test_a_snapshot_of_another_s_or_of_nobody_s_never_reaches_s3(
    s3: S3Client, bucket: str, database_url: str, asked: list[str], sql: Sql
) -> None:
    database = Database(database_url, "test")
    worker = SnapshotWorker(
        ObjectStore(s3, bucket),
        ImageAnalysisRepository(database),
        {},
        AttributeReader(5),
        bucket,
        observer=LogObserver(),
    )
    name = "CTX1005_CAM1_000001_000040.jpg"
    keys = [key.replace("/raw/clip.mp4", f"/snapshots/{name}") for key in REFUSED_KEYS if "/snapshots/" not in key]
    uris = [f"s3://{bucket}/{key}" for key in keys] + [
        f"s3://{bucket}-other/{OWN}/snapshots/{name}",
        f"https://{bucket}/{OWN}/snapshots/{name}",
        f"s3://{bucket}/{KEY}",
        f"s3://{bucket}/{OWN}/snapshots/{name}'; DROP TABLE videos; --",
    ]
    ids = {name: BODY[name] for name in ("video_id", "workspace_id", "workspace_code", "camera_code")}
    rest = {"track_id": 1, "recordedAt": None, "detectedIn": 40, "detectedAt": None, "yolo_type": "Car"}
    for uri in uris:
        body = json.dumps({"event": "SNAPSHOT_READY", **ids, "snapshot_s3_key": uri, **rest})
        task = Delivery("id", body, receive_count=5, is_last=True, lease=delivered().lease)
        (outcome,) = worker.handle([task])
        assert isinstance(outcome, Permanent), uri
        worker.record(task, outcome, final=True)
    database.close()
    assert asked == []
    assert sql("SELECT * FROM image_analyses") == []


def test_a_video_of_another_workspace_is_neither_read_nor_marked(
    worker: VideoWorker, asked: list[str], sql: Sql
) -> None:
    sql("INSERT INTO videos (id, workspace_id, status, s3_key_raw) VALUES (%s, %s, 'queued', %s)", VIDEO, OTHER, KEY)
    before = sql("SELECT * FROM videos")
    by_name = json.dumps({"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE})
    for body in (json.dumps(BODY), by_name):
        task = Delivery("id", body, receive_count=5, is_last=True, lease=delivered().lease)
        with pytest.raises(Permanent, match="another workspace") as refusal:
            worker.handle([task])
        worker.record(task, refusal.value, final=True)
    assert asked == []
    assert sql("SELECT * FROM videos") == before


@pytest.mark.parametrize("more", WEIGHTS, ids=str)
def test_weights_and_addresses_in_a_message_are_ignored(
    worker: VideoWorker, asked: list[str], bucket: str, more: dict[str, str]
) -> None:
    with pytest.raises(MissingObject, match=f"s3://{bucket}/{KEY} not found"):
        worker.handle([delivered(**more)])
    assert {path.split("?")[0] for path in asked} == {f"/{bucket}/{KEY}"}

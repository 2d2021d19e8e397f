"""Stored snapshots sent again: another checkpoint's results take the place of the old ones, and no video is read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.ops import reclassify, stored_snapshots
from video_analysis.tests.support import iam
from video_analysis.tests.support.iam import Role
from video_analysis.tests.support.snapshot_task import delivery
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import Transient
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_jpeg
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.observability.observer import LogObserver

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
STARTS = "2026-01-31T08:30:00+08:00"
Models = dict[Variant, Classifier]
Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Classifier, Classifier]:
    """A, and B that comes after it."""
    folder = tmp_path_factory.mktemp("checkpoints")
    runtime = backend.choose("torch", 1, folder)
    for seed, name in enumerate(("untrained-a", "untrained-b")):
        untrained_model.export(folder / f"{name}.pt", name, seed)
    first, second = (Classifier.load(path, "baseline", runtime) for path in sorted(folder.glob("*.pt")))
    return first, second


@dataclass
class Site:
    """A bucket, a snapshot queue and a database, as an operator's environment points at them."""

    s3: S3Client
    sqs: SQSClient
    bucket: str
    queue_url: str
    database_url: str
    sql: Sql

    def snapshot(self, video_id: str, track_id: int, recorded_at: str | None = None) -> str:
        """A picture in S3; the body of its message."""
        uri = SnapshotUri(self.bucket, WORKSPACE, video_id, "CTX1005", "CAM1", track_id, 40 * track_id)
        content = encode_jpeg(np.full((640, 640, 3), 20 * track_id, np.uint8), 92)
        self.s3.put_object(Bucket=self.bucket, Key=uri.key, Body=content, ContentType=CONTENT_TYPE)
        return snapshot_ready(uri, recorded_at, "Car").to_json()

    def work(self, bodies: Sequence[str], models: Models, role: Role | None = None) -> None:
        """What a worker with these models makes of the messages."""
        session = boto3.Session() if role is None else iam.session_of(role)()
        storage = ObjectStore(session.client("s3"), self.bucket)
        records = ImageAnalysisRepository(Database(self.database_url, "test"))
        worker = SnapshotWorker(storage, records, models, AttributeReader(5), self.bucket, observer=LogObserver())
        for start in range(0, len(bodies), 10):
            some = bodies[start : start + 10]
            assert worker.handle([delivery(body) for body in some]) == [None] * len(some)

    def queued(self) -> list[str]:
        """The bodies in the queue, taken out of it."""
        bodies = []
        while received := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for one in received:
                bodies.append(one["Body"])
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return bodies

    def results(self) -> list[tuple[Any, ...]]:
        """(track, status, variant, checkpoint), of every result row."""
        rows = self.sql(
            "SELECT a.track_id, a.status::text, r.variant, r.checkpoint FROM image_analyses a"
            " JOIN image_analysis_results r ON r.analysis_id = a.id ORDER BY a.video_id, a.track_id, r.variant"
        )
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def site(s3: S3Client, sqs: SQSClient, bucket: str, database_url: str, sql: Sql, ops_queue_url: str) -> Site:
    return Site(s3, sqs, bucket, ops_queue_url, database_url, sql)


def again(*arguments: str) -> int:
    return reclassify.main([*arguments, "--per-second", "1000"])


def test_every_row_gets_the_new_checkpoint_s_results_and_no_video_is_read(
    site: Site, checkpoints: tuple[Classifier, Classifier], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = checkpoints
    video = str(uuid.uuid4())
    bodies = [site.snapshot(video, track, STARTS) for track in range(1, 13)]
    site.work(bodies, {"baseline": first, "cmt": first})
    before = site.sql("SELECT * FROM image_analyses ORDER BY id")
    assert again("--video", video) == 0
    assert capsys.readouterr().out == "12 sent, 0 skipped\n"
    assert site.results()[0][1:] == (
        "done",
        "baseline",
        first.checkpoint,
    ), "until it is worked on, a reader has the old results"
    pictures = f"arn:aws:s3:::{site.bucket}/*/snapshots/*"
    role = Role([{"Sid": "ReadSnapshots", "Action": "s3:GetObject", "Resource": pictures}])
    sent = site.queued()
    assert len(sent) == 12
    site.work([*sent, sent[0]], {"baseline": second, "cmt": first}, role)
    assert role.refused == set()
    assert site.results() == [
        (track, "done", variant, checkpoint)
        for track in range(1, 13)
        for variant, checkpoint in (("baseline", second.checkpoint), ("cmt", first.checkpoint))
    ]
    assert site.sql("SELECT * FROM image_analyses ORDER BY id") == before
    replaced = site.sql("SELECT DISTINCT variant FROM image_analysis_results WHERE updated_at > created_at")
    assert [row["variant"] for row in replaced] == ["baseline"]


def test_the_messages_equal_the_first_ones(site: Site, checkpoints: tuple[Classifier, Classifier]) -> None:
    video = str(uuid.uuid4())
    bodies = [site.snapshot(video, 1, STARTS), site.snapshot(video, 2)]
    site.work(bodies, {"baseline": checkpoints[0]})
    assert again("--video", video) == 0
    sent = {message.track_id: message for message in map(parse, site.queued())}
    for said in map(parse, bodies):
        stored = sent[said.track_id]
        dates = {"recordedAt", "detectedAt"}
        assert stored.model_dump(exclude=dates) == said.model_dump(exclude=dates)
    assert sent[1].recordedAt == "2026-01-31T00:30:00+00:00"
    assert sent[1].detectedAt == "2026-01-31T00:30:00.04+00:00"
    assert (sent[2].recordedAt, sent[2].detectedAt) == (None, None)


def parse(body: str) -> messages.SnapshotReady:
    message = messages.parse(body)
    assert isinstance(message, messages.SnapshotReady)
    return message


def insert(site: Site, track: int, **columns: object) -> str:
    """A row as it might stand in a database that others write to; gives its id."""
    video = columns.pop("video_id", "50651c85-90ab-471b-8707-adc0ef16f91f")
    bucket = columns.pop("bucket", site.bucket)
    row = {
        "workspace_id": WORKSPACE,
        "video_id": video,
        "workspace_code": "CTX1005",
        "camera_code": "CAM1",
        "track_id": track,
        "snapshot_s3_key": str(SnapshotUri(str(bucket), WORKSPACE, str(video), "CTX1005", "CAM1", track, 40)),
        "detected_in_ms": 40,
        "yolo_type": "Car",
        "status": "done",
    } | columns
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    (made,) = site.sql(f"INSERT INTO image_analyses ({names}) VALUES ({places}) RETURNING id::text", *row.values())
    return str(made["id"])


VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"


def test_invalid_rows_are_counted_and_named_and_the_others_sent(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.sql("ALTER TABLE image_analyses ALTER workspace_code DROP NOT NULL")
    bad = {
        insert(site, 1, workspace_code=None): "workspace_code: ",
        insert(site, 2, bucket="somebody-elses"): "snapshot_s3_key: is in another bucket",
        insert(site, 3, camera_code="CAM2"): "snapshot_s3_key names another camera_code: CAM1",
        insert(site, 4, yolo_type="Tank"): "yolo_type: ",
        insert(site, 5, recorded_at="infinity"): "recordedAt: ",
        insert(site, 6, snapshot_s3_key="s3://nonsense"): "snapshot_s3_key: ",
    }
    insert(site, 7)
    insert(site, 8, status="queued")
    insert(site, 9, status="processing")
    insert(site, 10, status="error")
    assert again("--video", VIDEO) == 0
    out, err = capsys.readouterr()
    assert out == "1 sent, 9 skipped: 1 error, 6 invalid, 1 processing, 1 queued\n"
    assert [parse(body).track_id for body in site.queued()] == [7]
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for row_id, reason in bad.items():
        (line,) = [line for line in lines if row_id in line]
        assert reason in line
    assert again("--video", VIDEO, "--errors") == 0
    assert sorted(parse(body).track_id for body in site.queued()) == [7, 10]


def test_a_period_uses_detected_at_or_created_at_where_that_is_null(site: Site) -> None:
    seen, made = "2026-01-31T00:30:00.04Z", "2026-02-10T12:00:00Z"
    insert(site, 1, recorded_at="2026-01-31T00:30:00Z", detected_at=seen, created_at=made)
    insert(site, 2, created_at=made)
    insert(site, 3, created_at="2026-02-11T00:00:00Z")
    insert(site, 4, created_at=made, workspace_id=str(uuid.uuid4()))

    def sent(*period: str) -> list[int]:
        assert again("--workspace", WORKSPACE, *period) == 0
        return sorted(parse(body).track_id for body in site.queued())

    assert sent("--since", "2026-01-31T08:30:00+08:00", "--until", "2026-02-01T00:00:00Z") == [1]
    assert sent("--since", "2026-02-01T00:00:00Z", "--until", "2026-02-11T00:00:00Z") == [2]
    assert sent("--since", "2026-01-01T00:00:00Z") == [1, 2, 3]


def test_rows_of_many_pages_are_each_sent_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_snapshots, "PAGE_ROWS", 4)
    for track in range(1, 13):
        insert(site, track)
    assert again("--video", VIDEO) == 0
    assert sorted(parse(body).track_id for body in site.queued()) == list(range(1, 13))


def test_a_dry_run_counts_and_sends_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    insert(site, 1)
    assert again("--video", VIDEO, "--dry-run") == 0
    assert capsys.readouterr().out == "1 would be sent, 0 skipped\n"
    assert site.queued() == []
    assert again("--video", str(uuid.uuid4())) == 0
    assert capsys.readouterr().out == "0 sent, 0 skipped (image_analyses has no such rows)\n"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "reclassify: interrupted; run it again for the rest\n"),
        (Transient("sqs:SendMessage: ServiceUnavailable"), 2, "reclassify: sqs:SendMessage: ServiceUnavailable\n"),
    ],
)
def test_after_an_interruption_it_prints_the_counts_and_can_be_run_again(
    site: Site,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
    status: int,
    words: str,
) -> None:
    for track in (1, 2, 3):
        insert(site, track)
    real, left = Publisher.send, [1]

    def send(publisher: Publisher, body: str) -> None:
        if not left:
            raise fault
        left.pop()
        real(publisher, body)

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "send", send)
        assert again("--video", VIDEO) == status
    assert capsys.readouterr() == ("1 sent, 0 skipped\n", words)
    assert again("--video", VIDEO) == 0
    assert len(site.queued()) == 4


def test_a_database_that_is_not_there_is_one_line(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVITX_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert again("--video", VIDEO) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("reclassify: database cannot be reached: ")
    assert printed.out == "0 sent, 0 skipped\n", "of rows it knows nothing"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one of the arguments --video --workspace is required"),
        (["--workspace", WORKSPACE], "--workspace needs --since"),
        (["--video", "305"], "'305' is not a UUID"),
        (["--video", VIDEO, "--since", "2026-01-31"], "is not an RFC 3339 date-time"),
        (
            ["--video", VIDEO, "--since", STARTS, "--until", "2026-01-30T00:00:00Z"],
            "--until must be later than --since",
        ),
        (
            ["--video", VIDEO, "--since", STARTS, "--until", "2026-01-31T00:30:00Z"],
            "--until must be later than --since",
        ),
        (["--video", VIDEO, "--per-second", "0"], "'0' is not a rate per second"),
    ],
)
def test_wrong_arguments_end_with_2_and_the_reason(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        reclassify.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_it_keeps_to_the_maximum_rate(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for track in range(1, 5):
        insert(site, track)
    waits: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append)
    monkeypatch.setattr("video_analysis.ops.pace.time", clock)
    assert reclassify.main(["--video", VIDEO, "--per-second", "2"]) == 0
    assert waits == pytest.approx([0, 0.5, 0.5, 0.5])

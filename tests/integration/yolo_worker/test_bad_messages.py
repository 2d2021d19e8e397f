"""Bad messages to a running yolo_worker: each ends unchanged in the dead-letter queue, and the worker continues."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.devstack import provision
from video_analysis.tests.support.consumer_harness import running
from video_analysis.tests.support.fake_pipeline import EmptyPipeline
from video_analysis.tests.support.video_task import BODY, KEY, OTHER, TASK, VIDEO, WORKSPACE
from video_analysis.worker_config import BestSettings, SnapshotSettings, WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher, Queue
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import BadMessage
from video_analysis.worker_utils.observability.observer import LogObserver
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.worker import VideoWorker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

FIELDS = tuple(BODY)


def _with(**changes: object) -> str:
    return json.dumps(BODY | changes)


def _without(field: str) -> str:
    return json.dumps({name: value for name, value in BODY.items() if name != field})


WRONG_VALUES: list[tuple[str, object]] = [
    ("event", "PROCESS_VIDEOS"),
    ("event", None),
    ("event", ["PROCESS_VIDEO"]),
    ("video_id", VIDEO.upper()),
    ("video_id", VIDEO + "\n"),
    ("video_id", 5),
    ("video_id", OTHER),
    ("workspace_id", OTHER),
    ("workspace_id", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee"),
    ("workspace_id", {}),
    ("workspace_code", "CTX12"),
    ("workspace_code", "CTX１００５"),
    ("workspace_code", "ctx1005"),
    ("camera_code", "CAM"),
    ("camera_code", "CAM1; DROP TABLE videos"),
    ("camera_code", True),
    ("s3_key_raw", KEY.replace(WORKSPACE, OTHER)),
    ("s3_key_raw", KEY.replace("clip", "../../x")),
    ("s3_key_raw", KEY.replace("/raw/", "/snapshots/")),
    ("s3_key_raw", "/etc/passwd"),
    ("s3_key_raw", f"s3://elsewhere/{KEY}"),
    ("s3_key_raw", KEY + "\n"),
    ("s3_key_raw", KEY.replace("clip", "a\nb")),
    ("s3_key_raw", KEY.replace("clip", "nul\0nul")),
    ("s3_key_raw", KEY.replace("clip", "half \ud83d pair")),
    ("s3_key_raw", KEY.replace("clip", "x" * 1000)),
    ("s3_key_raw", None),
    ("frame_stride", 0),
    ("frame_stride", -1),
    ("frame_stride", 2**31),
    ("frame_stride", 2**63),
    ("frame_stride", 10**400),
    ("frame_stride", [3]),
    ("frame_stride", 2.5),
    ("frame_stride", True),
    ("frame_stride", "3"),
    ("frame_stride", {"value": 3}),
    ("recordedAt", "2026-03-01T08:00:00"),
    ("recordedAt", "2026-03-01"),
    ("recordedAt", "2026-02-30T08:00:00Z"),
    ("recordedAt", "9999-12-31T23:59:59Z"),
    ("recordedAt", 1_772_000_000),
    ("recordedAt", ""),
]
"""(field, value) in an otherwise valid message."""

BODIES: list[tuple[str, str]] = [
    *((_with(**{field: value}), field) for field, value in WRONG_VALUES),
    *((_without(field), field) for field in FIELDS),
    (json.dumps(_with()), "encoded twice"),
    (_with(s3_key_raw=KEY.replace("mp4", "mov"), extra=1), "s3_key_raw"),
    ("not json at all", "JSON"),
    ('{"event": "PROCESS_VIDEO"', "JSON"),
    (_with(frame_stride=0).replace(": 0", ": NaN"), "NaN"),
    (_with()[:-1] + ', "video_id": "' + VIDEO + '"}', "duplicate name"),
    ("[" * 50_000, "JSON"),
    (_with(padding="x" * 300_000), "longer"),
    (json.dumps({"event": "PROCESS_VIDEO_DB", "video_id": VIDEO}), "workspace_id"),
]

Sql = Callable[..., list[dict[str, Any]]]
EMPTY_RECEIVES = 30
"""After this many empty receives of one second each, no more messages are expected."""


@contextmanager
def stage_one(config: WorkerConfig, database_url: str, s3: S3Client) -> Iterator[None]:
    """A consumer with the real handler, in a thread, until the block ends."""
    session, shutdown = boto3.Session(), threading.Event()
    queue = Queue.connect(session, config.video_queue, config)
    database = Database(database_url, "test")
    worker = VideoWorker(
        ObjectStore(s3, config.s3_bucket),
        VideoRepository(database),
        ImageAnalysisRepository(database),
        Publisher(session, config.snapshot_queue, region=config.region),
        EmptyPipeline(),
        OutputSettings(config.s3_bucket, BestSettings(), SnapshotSettings(upload_workers=2)),
        observer=LogObserver(),
    )
    consumer = Consumer(queue, worker, config, shutdown, observer=LogObserver(), exit_process=lambda status: None)
    with closing(database), running(consumer, shutdown):
        yield


def received(sqs: SQSClient, url: str, count: int) -> list[str]:
    """Up to `count` bodies from a queue, deleted; it ends when `EMPTY_RECEIVES` receives in a row are empty."""
    bodies: list[str] = []
    empty = 0
    while len(bodies) < count and empty < EMPTY_RECEIVES:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        got = answer.get("Messages", [])
        empty = 0 if got else empty + 1
        bodies += [message["Body"] for message in got]
        for message in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_the_refusal_of_each_body_names_the_fault() -> None:
    assert len(BODIES) >= 60
    for body, named in BODIES:
        with pytest.raises(BadMessage) as refusal:
            messages.parse_video_task(body)
        line = str(refusal.value)
        assert named in line, f"{body[:100]!r}: {line}"
        assert line.isprintable()
        assert len(line) < 700


@pytest.mark.slow
def test_sixty_bad_messages_end_unchanged_in_the_dead_letter_queue_and_the_worker_continues(
    sqs: SQSClient,
    s3: S3Client,
    bucket: str,
    database_url: str,
    sql: Sql,
    queue_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = WorkerConfig(s3_bucket=bucket, video_queue=queue_name, snapshot_queue=f"{queue_name}-out", wait_time_s=1)
    live, dead = provision.queue(sqs, config.video_queue, config)
    provision.queue(sqs, config.snapshot_queue, config)
    s3.put_object(Bucket=bucket, Key=BODY["s3_key_raw"], Body=b"a video")
    half = len(BODIES) // 2
    sendable = [body for body, _ in BODIES[:half] if _can_be_sent(sqs, live, body)]
    sqs.send_message(QueueUrl=live, MessageBody=TASK.to_json())
    sendable += [body for body, _ in BODIES[half:] if _can_be_sent(sqs, live, body)]
    sql("INSERT INTO videos (id, workspace_id, status) VALUES (%s, %s, 'queued')", VIDEO, WORKSPACE)

    with caplog.at_level(logging.INFO), stage_one(config, database_url, s3):
        buried = received(sqs, dead, len(sendable))

    assert Counter(buried) == Counter(sendable)
    assert len(sendable) >= 60
    refusals = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(refusals) == len(sendable), "one line per message, for any number of receives"
    assert {vars(record)["event"] for record in refusals} == {"message.failed"}
    assert sql("SELECT status FROM videos")[0]["status"] == "done", "the valid message among them was processed"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (_with(video_id=VIDEO.upper(), workspace_id=WORKSPACE.upper()), f"workspace_id: '{WORKSPACE.upper()}'"),
        (json.dumps(_with()), "encoded twice"),
    ],
    ids=["upper case", "encoded twice"],
)
def test_a_body_that_names_its_row_in_another_form_is_dead_lettered_and_the_row_and_the_log_have_the_reason(
    sqs: SQSClient,
    s3: S3Client,
    bucket: str,
    database_url: str,
    sql: Sql,
    queue_name: str,
    caplog: pytest.LogCaptureFixture,
    body: str,
    named: str,
) -> None:
    config = WorkerConfig(s3_bucket=bucket, video_queue=queue_name, snapshot_queue=f"{queue_name}-out", wait_time_s=1)
    live, dead = provision.queue(sqs, config.video_queue, config)
    provision.queue(sqs, config.snapshot_queue, config)
    sql("INSERT INTO videos (id, workspace_id, status) VALUES (%s, %s, 'queued')", VIDEO, WORKSPACE)
    sqs.send_message(QueueUrl=live, MessageBody=body)
    with stage_one(config, database_url, s3):
        assert received(sqs, dead, 1) == [body]
    [row] = sql("SELECT status, error_code, error_msg FROM videos")
    assert (row["status"], row["error_code"]) == ("error", "bad_message")
    assert named in row["error_msg"]
    [line] = [vars(record) for record in caplog.records if record.levelno == logging.ERROR]
    assert (line["event"], line["video_id"]) == ("message.failed", VIDEO)


def _can_be_sent(sqs: SQSClient, url: str, body: str) -> bool:
    """SQS accepts no body above its size limit and no unpaired surrogates."""
    try:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    except (sqs.exceptions.ClientError, UnicodeEncodeError):
        return False
    return True

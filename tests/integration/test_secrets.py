"""What leaves a worker by its log and its disk: no line that a message forged, no secret, nothing for others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.retries import standard

from video_analysis.tests.support.consumer_harness import FAST, Bench, ScriptedHandler
from video_analysis.tests.support.log_capture import capture_json_lines
from video_analysis.tests.support.video_task import BODY, KEY
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import EnvironmentFault, Permanent, Transient, WorkerError
from video_analysis.worker_utils.observability.observer import LogObserver

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

SECRET = "s3cret-that-nobody-may-read"
FORGED = '{"level": "CRITICAL", "event": "forged"}'
INJECTIONS = [
    f"\n{FORGED}\n",
    f"\r\n{FORGED}",
    f"\u2028{FORGED}\u2029\u0085",
    f"\x1b[2K\x1b[1A{FORGED}",
    f'", "level": "CRITICAL", "x": "{FORGED}',
    "%s %d %(message)s {0}",
    "\x00\x08\x08\x08",
]


def test_whatever_a_message_holds_it_is_one_line_of_log_an_event(sqs: SQSClient, queue_name: str) -> None:
    bodies = [json.dumps(BODY | {field: text}) for field in BODY for text in INJECTIONS]
    bodies += [text for text in INJECTIONS if "\0" not in text and "\x1b" not in text]
    handler = ScriptedHandler(lambda delivery: _refusal_of(delivery.body))
    bench = Bench(sqs, queue_name)
    bench.send(*bodies)
    bench.reports_to = LogObserver()
    with capture_json_lines() as stream, bench.running(handler):
        bench.await_calls(lambda _: bench.called("ChangeMessageVisibility") >= 3 * len(bodies))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert stream.getvalue().isascii()
    assert "\x1b" not in stream.getvalue()
    assert sum(line["event"] == "message.failed" for line in lines) == len(bodies)
    assert {line["level"] for line in lines} == {"INFO", "ERROR"}
    assert {line["event"] for line in lines} == {
        "consumer.ready",
        "message.received",
        "message.failed",
        "message.rejected_again",
        "consumer.stopped",
    }


def _refusal_of(body: str) -> WorkerError:
    with pytest.raises(Permanent) as refusal:
        messages.parse_video_task(body)
    return refusal.value


def test_what_is_fetched_can_be_read_by_nobody_else(s3: S3Client, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"a video")
    mask = os.umask(0)
    try:
        with ObjectStore(s3, bucket, tmp_path).fetch(KEY, lambda: None) as fetched:
            video = fetched.path
            modes = {path.name: path.stat().st_mode & 0o777 for path in (video.parent, *video.parent.iterdir())}
    finally:
        os.umask(mask)
    assert modes.pop(video.parent.name) == 0o700
    assert modes == {video.name: 0o600, "lock": 0o600}


@pytest.fixture
def secretive(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment whose keys are worth something."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA" + "SECRETSECRETSECR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"token-{SECRET}")
    return monkeypatch


@pytest.mark.parametrize("trouble", ["refused", "behind a proxy", "not listening"])
def test_no_credentials_are_told_by_the_log_whatever_goes_wrong(
    secretive: pytest.MonkeyPatch, sqs: SQSClient, queue_name: str, database_url: str, trouble: str
) -> None:
    secretive.setattr(standard.ExponentialBackoff, "delay_amount", lambda _self, _context: 0)  # what is retried matters
    bench = Bench(sqs, queue_name, FAST.model_copy(update={"transient_delays_s": (0, 0)}))
    database = Database(f"postgresql://cvitx:{SECRET}@127.0.0.1:1/cvitx", "test")
    if trouble != "refused":
        secretive.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    if trouble == "behind a proxy":
        secretive.setenv("HTTPS_PROXY", f"http://somebody:{SECRET}@127.0.0.1:1")
    store = ObjectStore.connect(boto3.Session(), WorkerConfig(s3_bucket="no-such-bucket", min_free_disk_mb=0))
    away = Queue.connect(boto3.Session(), f"{queue_name}-absent", bench.config)
    attempts: list[Callable[[], object]] = [
        database.ping,
        lambda: store.fetch_bytes(KEY, 10),
        lambda: away.receive(1),
    ]
    faults: list[WorkerError] = []

    def work(delivery: Delivery) -> WorkerError:
        with pytest.raises((EnvironmentFault, Transient)) as caught:
            attempts[len(faults)]()
        faults.append(caught.value)
        return caught.value

    bench.send("x")
    bench.reports_to = LogObserver()
    with capture_json_lines() as stream, bench.running(ScriptedHandler(work)):
        bench.await_calls(lambda _: bench.called("ChangeMessageVisibility") >= len(attempts))
    logged = stream.getvalue()
    assert len(faults) == len(attempts) == logged.count('"event": "message.failed"')
    assert SECRET not in logged
    assert "AKIA" not in logged

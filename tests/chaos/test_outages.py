"""The short part of the outages: network faults, a restarted database, and tests of the fault proxy itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from video_analysis.tests.chaos import conditions, database_outages, line_faults, outages, proxy
from video_analysis.tests.chaos.environment import ChaosEnvironment
from video_analysis.tests.chaos.proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ONE_TRY = Config(retries={"total_max_attempts": 1}, read_timeout=2)
CONTENT = bytes(range(256)) * 400


@pytest.fixture
def line(aws_endpoint: str) -> Iterator[FaultProxy]:
    with proxy.between(aws_endpoint) as line:
        yield line


@pytest.fixture
def s3_via_proxy(line: FaultProxy) -> S3Client:
    return boto3.client("s3", endpoint_url=line.url, config=ONE_TRY)


@pytest.fixture
def sqs_via_proxy(line: FaultProxy) -> SQSClient:
    return boto3.client("sqs", endpoint_url=line.url, config=ONE_TRY)


def test_a_bad_line_to_s3_and_sqs_loses_and_doubles_nothing(chaos: ChaosEnvironment) -> None:
    faults = [
        Fault(("GetObject",), line_faults.cut, 2),
        Fault(("PutObject",), line_faults.lost, 1),
        Fault(("SendMessage",), line_faults.lost, 1),
        Fault(("ReceiveMessage",), line_faults.lost, 1),
        Fault(("DeleteMessage",), line_faults.refused(400, "ThrottlingException"), 1),
    ]
    result = outages.with_network_faults(chaos, "a bad line", faults=faults, videos=1)
    assert result.faults == 6
    assert result.is_clean, result


def test_a_database_that_is_restarted_loses_and_doubles_nothing(chaos: ChaosEnvironment) -> None:
    result = database_outages.stopped(chaos, "restarted", mode="fast", seconds=1)
    assert result.is_clean, result


def test_a_write_whose_answer_is_lost_was_done(
    line: FaultProxy, s3_via_proxy: S3Client, s3: S3Client, bucket: str
) -> None:
    line.faults = (Fault(("PutObject",), line_faults.lost, 1),)
    with pytest.raises(ConnectionClosedError):
        s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == CONTENT
    s3_via_proxy.put_object(Bucket=bucket, Key="two", Body=CONTENT)  # the count is used up
    assert line.hits == 1


def test_a_body_that_is_cut_announced_more_than_came(line: FaultProxy, s3_via_proxy: S3Client, bucket: str) -> None:
    s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)
    line.faults = (Fault(("GetObject",), line_faults.cut, 1),)
    answer = s3_via_proxy.get_object(Bucket=bucket, Key="one")
    assert answer["ContentLength"] == len(CONTENT)
    with pytest.raises(BotoCoreError):
        answer["Body"].read()
    assert s3_via_proxy.get_object(Bucket=bucket, Key="one")["Body"].read() == CONTENT


def test_a_stalled_body_comes_whole_in_the_end(line: FaultProxy, s3_via_proxy: S3Client, bucket: str) -> None:
    s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)
    go_on = threading.Event()
    line.faults = (Fault(("GetObject",), line_faults.stalled(go_on), 1),)
    body = s3_via_proxy.get_object(Bucket=bucket, Key="one")["Body"]
    half = body.read(len(CONTENT) // 2)
    go_on.set()
    assert half + body.read() == CONTENT


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
def test_s3_refuses_in_its_own_words(
    line: FaultProxy, s3_via_proxy: S3Client, bucket: str, status: int, code: str
) -> None:
    line.faults = (Fault(("PutObject",), line_faults.refused(status, code)),)
    with pytest.raises(ClientError) as refusal:
        s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)
    assert _said(refusal.value) == (status, code)


def test_sqs_refuses_in_its_own_words(line: FaultProxy, sqs_via_proxy: SQSClient, queue_name: str) -> None:
    url = sqs_via_proxy.create_queue(QueueName=queue_name)["QueueUrl"]
    assert url.startswith(line.url), "the queue's URL leads past the line"
    line.faults = (Fault(("SendMessage",), line_faults.refused(400, "ThrottlingException")),)
    with pytest.raises(ClientError) as refusal:
        sqs_via_proxy.send_message(QueueUrl=url, MessageBody="hello")
    assert _said(refusal.value) == (400, "ThrottlingException")


def test_a_lost_receive_counts_only_where_it_brought_something(
    line: FaultProxy, sqs_via_proxy: SQSClient, queue_name: str
) -> None:
    url = sqs_via_proxy.create_queue(QueueName=queue_name)["QueueUrl"]
    line.faults = (Fault(("ReceiveMessage",), line_faults.lost, 1),)
    assert "Messages" not in sqs_via_proxy.receive_message(QueueUrl=url)
    assert line.hits == 0
    sqs_via_proxy.send_message(QueueUrl=url, MessageBody="hello")
    with pytest.raises(ConnectionClosedError):
        sqs_via_proxy.receive_message(QueueUrl=url)
    assert "Messages" not in sqs_via_proxy.receive_message(QueueUrl=url), "what was lost is not hidden"


def test_what_hangs_is_never_answered(line: FaultProxy, s3_via_proxy: S3Client, bucket: str) -> None:
    line.faults = (Fault(("PutObject",), line_faults.hung, 1),)
    with pytest.raises(ReadTimeoutError):
        s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)


def test_what_is_late_comes_after_all(line: FaultProxy, s3_via_proxy: S3Client, bucket: str) -> None:
    line.faults = (Fault(("PutObject",), line_faults.late(0.3), 1),)
    begun_s = time.monotonic()
    s3_via_proxy.put_object(Bucket=bucket, Key="one", Body=CONTENT)
    assert time.monotonic() - begun_s >= 0.3


def test_a_fault_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    line = FaultProxy("http://nowhere", faults=(Fault(("PutObject",), line_faults.cut, seconds=5),))
    assert line.claim("GetObject") is None
    assert line.claim("PutObject") is not None
    now_s = 104.9
    assert line.claim("PutObject") is not None
    now_s = 105.0
    assert line.claim("PutObject") is None


def test_a_fault_strikes_only_the_paths_it_is_meant_for() -> None:
    line = FaultProxy("http://nowhere", faults=(Fault(("GetObject",), line_faults.cut, path="/raw/"),))
    assert line.claim("GetObject", "/bucket/one/raw/clip.mp4") is not None
    assert line.claim("GetObject", "/bucket/one/snapshots/car.jpg") is None


def test_a_small_disk_is_full_when_it_was_filled() -> None:
    if not conditions.may_mount():
        pytest.skip("no file system may be mounted here")
    with conditions.small_disk() as folder:
        conditions.fill(folder / "ballast")
        assert (folder / "ballast").stat().st_size <= conditions.SMALL_DISK_MB << 20
        with pytest.raises(OSError, match="No space left"):
            (folder / "more").write_bytes(CONTENT)


def _said(refusal: ClientError) -> tuple[Any, Any]:
    return refusal.response["ResponseMetadata"]["HTTPStatusCode"], refusal.response["Error"]["Code"]

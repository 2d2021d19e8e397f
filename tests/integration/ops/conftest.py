"""The environment of an operator's commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from video_analysis.devstack import provision
from video_analysis.ops.dead_letters import queue
from video_analysis.tests.support.dead_letter_site import Site
from video_analysis.worker_config import WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def ops_queue_url(
    sqs: SQSClient, bucket: str, queue_name: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A queue. The environment names it as both queues, and the bucket and the database."""
    url, _ = provision.queue(sqs, queue_name, WorkerConfig(wait_time_s=0))
    settings = {
        "S3_BUCKET": bucket,
        "VIDEO_QUEUE": queue_name,
        "SNAPSHOT_QUEUE": queue_name,
        "DATABASE_URL": database_url,
    }
    for name, value in (settings | {"ENV_OVERRIDES": "1"}).items():
        monkeypatch.setenv(f"CVITX_{name}", value)
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def letters(
    sqs: SQSClient,
    s3: S3Client,
    ops_queue_url: str,
    queue_name: str,
    bucket: str,
    sql: Callable[..., list[dict[str, object]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Site:
    """Three dead letters of three kinds."""
    monkeypatch.setattr(queue, "WAIT_S", 0)  # the emulator has one server: an empty answer is an empty queue
    dead = sqs.get_queue_url(QueueName=f"{queue_name}-dlq")["QueueUrl"]
    site = Site(sqs, s3, ops_queue_url, dead, f"{queue_name}-dlq", bucket, sql, capsys)
    site.plant()
    return site

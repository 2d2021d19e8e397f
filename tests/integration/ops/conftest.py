"""The environment of an operator's commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from video_analysis.devstack import provision
from video_analysis.worker_config import WorkerConfig

if TYPE_CHECKING:
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

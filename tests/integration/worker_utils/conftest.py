"""Fixtures of the tests of consumers and leases: a queue of the test's own, and what the test runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from video_analysis.devstack import provision
from video_analysis.tests.support.consumer_harness import FAST, Bench, MakeBench
from video_analysis.tests.support.lease_harness import CONFIG
from video_analysis.worker_utils.aws.sqs import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def bench_type() -> type[Bench]:
    """The class of the benches; a module overrides this fixture for consumers of another kind."""
    return Bench


@pytest.fixture
def make_bench(sqs: SQSClient, queue_name: str, bench_type: type[Bench]) -> MakeBench:
    """`make_bench(field=value)`: a bench whose configuration differs in these fields."""
    return lambda **changes: bench_type(sqs, queue_name, FAST.model_copy(update=changes))


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench()


@pytest.fixture
def queue(sqs: SQSClient, queue_name: str) -> Queue:
    """A queue with one message, for the tests of leases."""
    url, _ = provision.queue(sqs, queue_name, CONFIG)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return Queue(
        boto3.Session(), url, region=CONFIG.region, visibility_timeout_s=300, wait_time_s=1, max_receive_count=5
    )

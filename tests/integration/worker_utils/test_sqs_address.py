"""A queue by name or URL, with no more permissions than the workers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from video_analysis.devstack import provision
from video_analysis.tests.support.queue_harness import CONFIG, answer, connect
from video_analysis.worker_utils.aws.errors import NoSuchQueue
from video_analysis.worker_utils.aws.sqs import Publisher

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOTO_ACCOUNT = "123456789012"


@pytest.fixture
def url(sqs: SQSClient, queue_name: str) -> str:
    live, _ = provision.queue(sqs, queue_name, CONFIG)
    return live


def test_a_queue_is_found_by_name_and_by_url(url: str, queue_name: str) -> None:
    for name_or_url in (url, queue_name):
        queue = connect(name_or_url)
        queue.probe()
        assert queue.max_receive_count == 4


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_name_that_may_not_be_looked_up_is_completed_from_the_account(url: str, queue_name: str, code: str) -> None:
    queue = connect(queue_name)
    answer(queue.client, "GetQueueUrl", 403, code)
    queue.probe()
    assert str(queue).endswith(f"/{MOTO_ACCOUNT}/{queue_name}")
    assert queue.receive(1) == []


def test_an_unread_redrive_policy_leaves_the_configured_count(url: str, caplog: pytest.LogCaptureFixture) -> None:
    queue = connect(url)
    answer(queue.client, "GetQueueAttributes", 403, "AccessDenied")
    queue.probe()
    assert queue.max_receive_count == 2
    assert "sqs:GetQueueAttributes" in caplog.text


def test_a_queue_without_a_dead_letter_queue_is_named(
    sqs: SQSClient, queue_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue = connect(sqs.create_queue(QueueName=queue_name)["QueueUrl"])
    queue.probe()
    assert queue.max_receive_count == 2
    assert f"{queue_name} has no dead-letter queue" in caplog.text


def test_a_queue_that_does_not_exist_is_the_environments_fault(aws_endpoint: str, queue_name: str) -> None:
    with pytest.raises(NoSuchQueue, match=queue_name):
        connect(queue_name).probe()


def test_a_publisher_needs_the_right_to_send_alone(url: str, queue_name: str) -> None:
    publisher = Publisher(boto3.Session(), queue_name, region=CONFIG.region)
    for operation in ("GetQueueUrl", "GetQueueAttributes"):
        answer(publisher.client, operation, 403, "AccessDenied")
    publisher.send("x")
    (received,) = connect(url).receive(1)
    assert received.body == "x"

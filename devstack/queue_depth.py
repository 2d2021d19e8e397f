"""The number of messages in a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def depth(sqs: SQSClient, queue_url: str) -> int:
    """Messages in a queue, visible and in flight. 0 only if two answers agree.

    Visible and hidden messages are counted one after the other. A message that becomes visible between the two is in
    neither count of that answer.
    """
    return _counted(sqs, queue_url) or _counted(sqs, queue_url)


def _counted(sqs: SQSClient, queue_url: str) -> int:
    count = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    return int(count["ApproximateNumberOfMessages"]) + int(count["ApproximateNumberOfMessagesNotVisible"])

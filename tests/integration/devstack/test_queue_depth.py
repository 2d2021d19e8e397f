"""The depth of a queue, also while a message becomes visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3

from video_analysis.devstack.queue_depth import depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

COUNTS = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


def test_visible_and_hidden_messages_are_counted(sqs: SQSClient, queue_name: str) -> None:
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    assert depth(sqs, url) == 0
    for body in "ab":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert depth(sqs, url) == 2
    (received,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60)["Messages"]
    assert depth(sqs, url) == 2
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    assert depth(sqs, url) == 1


def test_a_message_that_is_in_neither_count_of_one_answer_is_counted(sqs: SQSClient, queue_name: str) -> None:
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    own, answers = boto3.client("sqs"), list[dict[str, Any]]()

    def omit(parsed: dict[str, Any], **_: Any) -> None:
        if not answers:
            parsed["Attributes"] |= dict.fromkeys(COUNTS, "0")
        answers.append(parsed)

    own.meta.events.register("after-call.sqs.GetQueueAttributes", omit)
    assert depth(own, url) == 1
    assert len(answers) == 2

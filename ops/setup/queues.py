"""The queues and their dead-letter queues."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from video_analysis.ops.aws_clients import calling
from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import cause_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REDRIVE = "RedrivePolicy"
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
"""Attributes whose sum is the number of messages of a queue."""
UNITS = {
    "VisibilityTimeout": " s",
    "ReceiveMessageWaitTimeSeconds": " s",
    "MessageRetentionPeriod": " s",
}


def dead_letter_queue(name: str) -> str:
    """The name of the dead-letter queue."""
    return f"{name}-dlq"


def name_of(name_or_url: str) -> str:
    """The name of a queue that a setting names or whose URL it has."""
    return name_or_url.rstrip("/").rsplit("/", 1)[-1]


def attributes(config: WorkerConfig) -> Mapping[str, str]:
    """The attributes of a queue, but for the redrive policy."""
    return {
        "VisibilityTimeout": str(config.visibility_timeout_s),
        "ReceiveMessageWaitTimeSeconds": str(config.wait_time_s),
        "MessageRetentionPeriod": str(config.retention_s),
    }


def dead_letter_attributes(config: WorkerConfig) -> Mapping[str, str]:
    """The attributes of a dead-letter queue."""
    return {"MessageRetentionPeriod": str(config.retention_s)}


class QueueResource:
    """One queue. With `dead_letters`, its redrive policy names that queue."""

    def __init__(
        self,
        sqs: SQSClient,
        name: str,
        needed: Mapping[str, str],
        dead_letters: str | None = None,
        max_receive_count: int = 0,
    ) -> None:
        self._sqs = sqs
        self._name = name
        self._needed = needed
        self._dead_letters = dead_letters
        self._max_receive_count = max_receive_count

    @property
    def name(self) -> str:
        """The queue."""
        return f"queue {self._name}"

    def differences(self) -> Sequence[Difference]:
        """See `Resource`."""
        url = self.url()
        if url is None:
            return [Difference("queue", "none", "one")]
        found = self.read(url)
        wrong = [
            Difference(key, f"{found.get(key, 'none')}{UNITS[key]}", f"{value}{UNITS[key]}")
            for key, value in self._needed.items()
            if found.get(key) != value
        ]
        return [*wrong, *self._redrive_difference(found.get(REDRIVE))]

    def apply(self, differences: Sequence[Difference]) -> None:
        """See `Resource`. The dead-letter queue must exist."""
        values = {**self._needed, **self._redrive_policy()}
        if any(one.property == "queue" for one in differences):
            with calling("sqs:CreateQueue", self._name):
                self._sqs.create_queue(QueueName=self._name, Attributes=_typed(values))
            return
        changed = {one.property: values[one.property] for one in differences}
        with calling("sqs:SetQueueAttributes", self._name):
            self._sqs.set_queue_attributes(QueueUrl=str(self.url()), Attributes=_typed(changed))

    def url(self) -> str | None:
        """The URL; None if there is no such queue."""
        return url_of(self._sqs, self._name)

    def read(self, url: str) -> Mapping[str, str]:
        """All attributes."""
        with calling("sqs:GetQueueAttributes", self._name):
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return {str(key): value for key, value in answer.get("Attributes", {}).items()}

    def _redrive_difference(self, found: str | None) -> Sequence[Difference]:
        if self._dead_letters is None:
            return []
        policy = json.loads(found or "{}")
        target = str(policy.get("deadLetterTargetArn", "")).rsplit(":", 1)[-1]
        count = int(policy.get("maxReceiveCount", 0))
        if (target, count) == (self._dead_letters, self._max_receive_count):
            return []
        is_set = f"{target} after {count} receives" if policy else "none"
        needed = f"{self._dead_letters} after {self._max_receive_count} receives"
        return [Difference(REDRIVE, is_set, needed)]

    def _redrive_policy(self) -> Mapping[str, str]:
        if self._dead_letters is None:
            return {}
        url = str(url_of(self._sqs, self._dead_letters))
        with calling("sqs:GetQueueAttributes", self._dead_letters):
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"]
        return {REDRIVE: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": self._max_receive_count})}


def url_of(sqs: SQSClient, name: str) -> str | None:
    """The URL of a queue; None if there is none."""
    with calling("sqs:GetQueueUrl", name):
        try:
            return sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except ClientError as error:
            if cause_of(error) == "queue":
                return None
            raise


def resources(sqs: SQSClient, name_or_url: str, config: WorkerConfig) -> Sequence[QueueResource]:
    """The dead-letter queue of a queue, and the queue: to be applied in this order."""
    name = name_of(name_or_url)
    dead = dead_letter_queue(name)
    return (
        QueueResource(sqs, dead, dead_letter_attributes(config)),
        QueueResource(sqs, name, attributes(config), dead, config.max_receive_count),
    )


def _typed(values: Mapping[str, str]) -> Any:
    """The attributes as boto3's stubs want them."""
    return dict(values)

"""The queues and their dead-letter queues."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from video_analysis.ops import aws_clients
from video_analysis.ops.aws_clients import calling
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import cause_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Home = tuple[str | None, str | None]
"""Region and account of a queue."""
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
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


def dead_letter_queue(name_or_url: str) -> str:
    """The name of the dead-letter queue; its URL for a URL."""
    return f"{name_or_url.rstrip('/')}-dlq"


def name_of(name_or_url: str) -> str:
    """The name of a queue that a setting names or whose URL it has."""
    return name_or_url.rstrip("/").rsplit("/", 1)[-1]


def is_url(name_or_url: str) -> bool:
    """Whether a setting is a URL: the workers use it as it is."""
    return name_or_url.startswith(("https://", "http://"))


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
    """One queue, by its name or URL. With `dead_letters`, its redrive policy names that queue."""

    def __init__(
        self,
        sqs: SQSClient,
        name_or_url: str,
        needed: Mapping[str, str],
        home: Callable[[], Home],
        dead_letters: str | None = None,
        max_receive_count: int = 0,
    ) -> None:
        """`home` is where a queue is created."""
        self._sqs = sqs
        self._address = name_or_url
        self._name = name_of(name_or_url)
        self._needed = needed
        self._home = home
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
            self._check_home()
            return [Difference("queue", "none", "one")]
        found = self.read(url)
        wrong = [
            Difference(key, f"{found.get(key, 'none')}{UNITS[key]}", f"{value}{UNITS[key]}")
            for key, value in self._needed.items()
            if found.get(key) != value
        ]
        return [*wrong, *self._redrive_difference(found.get(REDRIVE))]

    def apply(self, differences: Sequence[Difference]) -> None:
        """See `Resource`. The dead-letter queue must exist. CommandError if the queue is not ours."""
        self._check_home()
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
        return url_of(self._sqs, self._address)

    def read(self, url: str) -> Mapping[str, str]:
        """All attributes."""
        return attributes_of(self._sqs, url, self._name)

    def _check_home(self) -> None:
        """CommandError if the URL is of another region or account than that in which a queue would be created."""
        if not is_url(self._address):
            return
        for found, own in zip(_home_of(self._address), self._home(), strict=True):
            if found is not None and found != own:
                raise CommandError(
                    f"{self._address} is a queue of {found}, and setup changes those of {own}; run it with CVITX_REGION"
                    " and credentials of the URL, or set CVITX_VIDEO_QUEUE and CVITX_SNAPSHOT_QUEUE to names"
                )

    def _redrive_difference(self, found: str | None) -> Sequence[Difference]:
        if self._dead_letters is None:
            return []
        policy = json.loads(found or "{}")
        target = str(policy.get("deadLetterTargetArn", "")).rsplit(":", 1)[-1]
        count = int(policy.get("maxReceiveCount", 0))
        wanted = name_of(self._dead_letters)
        if (target, count) == (wanted, self._max_receive_count):
            return []
        is_set = f"{target} after {count} receives" if policy else "none"
        needed = f"{wanted} after {self._max_receive_count} receives"
        return [Difference(REDRIVE, is_set, needed)]

    def _redrive_policy(self) -> Mapping[str, str]:
        if self._dead_letters is None:
            return {}
        url = str(url_of(self._sqs, self._dead_letters))
        with calling("sqs:GetQueueAttributes", self._dead_letters):
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"]
        return {REDRIVE: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": self._max_receive_count})}


def attributes_of(sqs: SQSClient, url: str, where: str) -> Mapping[str, str]:
    """All attributes of the queue at `url`; `where` names it in a failure."""
    with calling("sqs:GetQueueAttributes", where):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return {str(key): value for key, value in answer.get("Attributes", {}).items()}


def url_of(sqs: SQSClient, name_or_url: str) -> str | None:
    """The URL of a queue, which is a given URL itself; None if there is no such queue."""
    with calling("sqs:GetQueueAttributes" if is_url(name_or_url) else "sqs:GetQueueUrl", name_or_url):
        try:
            if not is_url(name_or_url):
                return sqs.get_queue_url(QueueName=name_or_url)["QueueUrl"]
            sqs.get_queue_attributes(QueueUrl=name_or_url, AttributeNames=["QueueArn"])
            return name_or_url
        except ClientError as error:
            if cause_of(error) == "queue":
                return None
            raise


def resources(sqs: SQSClient, name_or_url: str, config: WorkerConfig) -> Sequence[QueueResource]:
    """The dead-letter queue of a queue, and the queue: to be applied in this order."""
    dead, home = dead_letter_queue(name_or_url), partial(_home, sqs, config)
    return (
        QueueResource(sqs, dead, dead_letter_attributes(config), home),
        QueueResource(sqs, name_or_url, attributes(config), home, dead, config.max_receive_count),
    )


def _home_of(url: str) -> Home:
    """Region and account that a URL names; None for what it does not name, as that of an emulator."""
    parts = urlsplit(url)
    labels, folders = (parts.hostname or "").split("."), parts.path.split("/")
    region = next((label for label in labels if _REGION.fullmatch(label)), None)
    return region, next((folder for folder in folders[:-1] if _ACCOUNT.fullmatch(folder)), None)


def _home(sqs: SQSClient, config: WorkerConfig) -> Home:
    with calling("sts:GetCallerIdentity", "STS"):
        return sqs.meta.region_name, aws_clients.sts(config).get_caller_identity()["Account"]


def _typed(values: Mapping[str, str]) -> Any:
    """The attributes as boto3's stubs want them."""
    return dict(values)

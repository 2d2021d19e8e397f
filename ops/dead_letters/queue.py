"""A dead-letter queue and the queue that its messages came from."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from video_analysis.ops import aws_clients
from video_analysis.ops.aws_clients import calling
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup import queues
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Kind = Literal["video", "snapshot"]
KINDS: tuple[Kind, ...] = ("video", "snapshot")
BATCH = 10
HIDDEN_S = 300
"""How long a message that was received is hidden from others."""
VISIBLE_AGAIN = ("MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid")
"""Error codes of SQS for a message that has been received longer ago than HIDDEN_S."""
WAIT_S = 1
"""Long poll: an answer without a message then means that the queue is empty."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message."""

    message_id: str
    body: str
    sent_at: datetime
    handle: str = field(repr=False)


class DeadLetterQueue:
    """The dead-letter queue of one kind of message. CommandError if there is none."""

    def __init__(self, sqs: SQSClient, config: WorkerConfig, kind: Kind) -> None:
        self.kind = kind
        self.source = config.video_queue if kind == "video" else config.snapshot_queue
        self.name = queues.dead_letter_queue(self.source)
        self._sqs = sqs
        self._url = _url(sqs, self.name)
        self._held: dict[str, DeadLetter] = {}

    @cached_property
    def _source_url(self) -> str:
        """Only `move` needs it, and the permission for it."""
        return _url(self._sqs, self.source)

    def count(self) -> int:
        """Messages that are visible. A received one is hidden for a while."""
        with calling("sqs:GetQueueAttributes", self.name):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def received(self) -> Generator[DeadLetter, None, None]:
        """The messages, one after the other. At the end, those that were not moved are visible again.

        A receive is counted by the dead-letter queue, which has no consequence: it has no redrive policy of its own.
        Close the iterator if it is not read to its end.
        """
        try:
            while batch := self._batch():
                fresh = [letter for letter in batch if letter.message_id not in self._held]
                self._held |= {letter.message_id: letter for letter in batch}
                yield from fresh
        finally:
            for letter in self._held.values():
                self._release(letter)
            self._held.clear()

    def move(self, letter: DeadLetter) -> None:
        """Send a message to its source queue, then delete it here. If that is interrupted, it is sent twice."""
        with calling("sqs:SendMessage", self.source):
            self._sqs.send_message(QueueUrl=self._source_url, MessageBody=letter.body)
        with calling("sqs:DeleteMessage", self.name):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._held.pop(letter.message_id).handle)

    def purge(self) -> None:
        """Delete all messages."""
        with calling("sqs:PurgeQueue", self.name):
            self._sqs.purge_queue(QueueUrl=self._url)

    def _release(self, letter: DeadLetter) -> None:
        with calling("sqs:ChangeMessageVisibility", self.name):
            try:
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=letter.handle, VisibilityTimeout=0
                )
            except ClientError as error:
                if error_code(error) not in VISIBLE_AGAIN:
                    raise

    def _batch(self) -> list[DeadLetter]:
        with calling("sqs:ReceiveMessage", self.name):
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HIDDEN_S,
                WaitTimeSeconds=WAIT_S,
                AttributeNames=["SentTimestamp"],
            )
        return [
            DeadLetter(
                one["MessageId"],
                one.get("Body", ""),
                datetime.fromtimestamp(int(one["Attributes"]["SentTimestamp"]) / 1000, UTC),
                one["ReceiptHandle"],
            )
            for one in answer.get("Messages", [])
        ]


def opened(config: WorkerConfig, kinds: Sequence[Kind]) -> list[DeadLetterQueue]:
    """The dead-letter queues of these kinds."""
    sqs = aws_clients.sqs(config)
    return [DeadLetterQueue(sqs, config, kind) for kind in kinds]


def _url(sqs: SQSClient, name: str) -> str:
    url = queues.url_of(sqs, name)
    if url is None:
        raise CommandError(f"there is no queue {name}: `ops setup --only queues` creates it")
    return url

"""SQS: `Queue` receives, `Publisher` sends. Errors are mapped to the failure taxonomy.

Permissions: sqs:ReceiveMessage, DeleteMessage, ChangeMessageVisibility and GetQueueAttributes on the queue that is
read; sqs:SendMessage on the queue that is written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import boto3

from video_analysis.worker_utils.aws.errors import Denied, expect_refusal
from video_analysis.worker_utils.aws.sqs_address import (
    ATTEMPTS,
    BAD_BODY,
    READ_TIMEOUT_S,
    STALE_HANDLE,
    QueueAddress,
    map_errors,
    sqs_client,
)
from video_analysis.worker_utils.errors import LeaseLost, Permanent
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.settings import QueueSettings

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef, MessageTypeDef

BATCH_LIMIT = 10
"""Entries in one SQS call, and messages in one receive."""
LONGEST_DELAY_S = 900
"""Of a message that is sent."""
PROBE_HANDLE = "probe"
"""A receipt handle of no message."""
_PAST_TWELVE_HOURS = "beyond the limit"

log = logging.getLogger(__name__)

Extension = Literal["extended", "lost", "failed"]
"""lost: the receipt handle is no longer valid; failed: this call did not extend the timeout, a later call may."""


@dataclass(frozen=True, slots=True)
class Received:
    """One received message. The receipt handle is valid for this receive only."""

    message_id: str
    body: str
    receive_count: int
    receipt_handle: str = field(repr=False)
    sent_s: float | None = None
    """When it was sent, in seconds since 1970 by the clock of SQS."""


class Queue:
    """A queue to receive from. Thread-safe, like its boto3 clients."""

    def __init__(
        self,
        session: boto3.Session,
        name_or_url: str,
        *,
        region: str,
        visibility_timeout_s: int,
        wait_time_s: int,
        max_receive_count: int,
    ) -> None:
        """`max_receive_count` is used if the redrive policy cannot be read. Sends no request."""
        self.client = sqs_client(session, region, READ_TIMEOUT_S, ATTEMPTS)
        # No second attempt: the messages of a lost response would stay hidden for a whole visibility timeout.
        self.receiver = sqs_client(session, region, wait_time_s + READ_TIMEOUT_S, attempts=1)
        self.max_receive_count = max_receive_count
        self._visibility_timeout_s = visibility_timeout_s
        self._wait_time_s = wait_time_s
        self._address = QueueAddress(session, self.client, name_or_url)

    @classmethod
    def connect(cls, session: boto3.Session, name_or_url: str, settings: QueueSettings) -> Queue:
        """The queue with the configured times. Sends no request."""
        return cls(
            session,
            name_or_url,
            region=settings.region,
            visibility_timeout_s=settings.visibility_timeout_s,
            wait_time_s=settings.wait_time_s,
            max_receive_count=settings.max_receive_count,
        )

    def __str__(self) -> str:
        return str(self._address)

    def probe(self) -> None:
        """Read the redrive policy. EnvironmentFault or Transient while messages could not be released or deleted.

        A receive is not tried: SQS would count it. One that fails costs nothing.
        """
        self.probe_release()
        self.probe_delete()
        self._read_redrive_policy()

    def probe_release(self) -> None:
        """EnvironmentFault or Transient while messages could not be released."""
        self._probe_handle(lambda: self.release(PROBE_HANDLE, 0))

    def probe_delete(self) -> None:
        """EnvironmentFault or Transient while messages could not be deleted."""
        self._probe_handle(lambda: self.delete(PROBE_HANDLE))

    def url(self) -> str:
        """The URL. EnvironmentFault or Transient while the lookup of a name fails."""
        return self._address.url()

    def _probe_handle(self, call: Callable[[], None]) -> None:
        """Run a call with an invalid receipt handle, which SQS refuses. Tested against an emulator, not on AWS."""
        with expect_refusal(), suppress(LeaseLost):
            call()

    def _read_redrive_policy(self) -> None:
        url = self._address.url()
        try:
            with map_errors("sqs:GetQueueAttributes", url):
                wanted: list[Literal["RedrivePolicy"]] = ["RedrivePolicy"]
                answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)
        except Denied as fault:
            log.warning(
                "the redrive policy could not be read, maxReceiveCount %d is assumed: %s",
                self.max_receive_count,
                fault,
                extra={
                    "event": "queue.receive_limit_assumed",
                    **failure_fields(fault),
                    "queue": url,
                    "max_receive_count": self.max_receive_count,
                },
            )
            return
        policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy") or "{}")
        if "maxReceiveCount" in policy:
            self.max_receive_count = int(policy["maxReceiveCount"])
        else:
            log.warning(
                "queue %s has no dead-letter queue: failed messages stay in it until they expire; set a RedrivePolicy "
                "with maxReceiveCount %d",
                url,
                self.max_receive_count,
                extra={
                    "event": "queue.dead_letter_queue_missing",
                    "queue": url,
                    "max_receive_count": self.max_receive_count,
                },
            )

    def receive(self, limit: int, longest_wait_s: int | None = None) -> list[Received]:
        """Up to `limit` messages (at most 10), hidden from other consumers for the visibility timeout.

        Long-polls for the configured time, or for `longest_wait_s` if that is shorter.
        """
        wait_s = self._wait_time_s if longest_wait_s is None else min(longest_wait_s, self._wait_time_s)
        url = self._address.url()
        with map_errors("sqs:ReceiveMessage", url):
            answer = self.receiver.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, BATCH_LIMIT),
                VisibilityTimeout=self._visibility_timeout_s,
                WaitTimeSeconds=wait_s,
                AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        return [_received(message) for message in answer.get("Messages", [])]

    def delete(self, receipt_handle: str) -> None:
        """Acknowledge. LeaseLost if the handle is no longer valid."""
        with map_errors("sqs:DeleteMessage", self._address.url(), STALE_HANDLE):
            self.client.delete_message(QueueUrl=self._address.url(), ReceiptHandle=receipt_handle)

    def release(self, receipt_handle: str, after_s: int) -> None:
        """Make the message visible again in `after_s` seconds. LeaseLost if the handle is no longer valid."""
        with map_errors("sqs:ChangeMessageVisibility", self._address.url(), STALE_HANDLE):
            self.client.change_message_visibility(
                QueueUrl=self._address.url(), ReceiptHandle=receipt_handle, VisibilityTimeout=after_s
            )

    def extend(self, timeouts_s: Mapping[str, int]) -> dict[str, Extension]:
        """Set how long each message stays hidden: receipt handle → seconds from now. Raises if a whole call fails."""
        extensions: dict[str, Extension] = {}
        handles = list(timeouts_s)
        for start in range(0, len(handles), BATCH_LIMIT):
            extensions |= self._extend_batch(handles[start : start + BATCH_LIMIT], timeouts_s)
        return extensions

    def _extend_batch(self, handles: Sequence[str], timeouts_s: Mapping[str, int]) -> dict[str, Extension]:
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": timeouts_s[handle]}
            for place, handle in enumerate(handles)
        ]
        with map_errors("sqs:ChangeMessageVisibility", self._address.url()):
            answer = self.client.change_message_visibility_batch(QueueUrl=self._address.url(), Entries=entries)
        extensions: dict[str, Extension] = dict.fromkeys(handles, "extended")
        for failed in answer.get("Failed", []):
            stale = failed["Code"].rsplit(".", 1)[-1] in STALE_HANDLE
            too_long = _PAST_TWELVE_HOURS in failed.get("Message", "")
            extensions[handles[int(failed["Id"])]] = "lost" if stale and not too_long else "failed"
        return extensions


def _received(message: MessageTypeDef) -> Received:
    attributes = message.get("Attributes", {})
    sent_ms = attributes.get("SentTimestamp")
    return Received(
        message_id=message["MessageId"],
        body=message.get("Body", ""),
        receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
        receipt_handle=message["ReceiptHandle"],
        sent_s=None if sent_ms is None else int(sent_ms) / 1000,
    )


class Publisher:
    """A queue to send to. Needs only sqs:SendMessage."""

    def __init__(self, session: boto3.Session, name_or_url: str, *, region: str) -> None:
        self.client = sqs_client(session, region, READ_TIMEOUT_S, ATTEMPTS)
        self._address = QueueAddress(session, self.client, name_or_url)

    def probe(self) -> None:
        """EnvironmentFault while nothing can be sent. Body and delay are invalid, so SQS refuses it before any effect.

        One of them is enough, and there are emulators that accept the other one. Tested against two, not on AWS.
        """
        url = self._address.url()
        with expect_refusal(), suppress(Permanent), map_errors("sqs:SendMessage", url, bad_body=BAD_BODY):
            self.client.send_message(QueueUrl=url, MessageBody="", DelaySeconds=LONGEST_DELAY_S + 1)

    def send(self, body: str) -> None:
        """Send one message. A retry after a lost response sends a duplicate, which at-least-once delivery allows."""
        with map_errors("sqs:SendMessage", self._address.url(), bad_body=BAD_BODY):
            self.client.send_message(QueueUrl=self._address.url(), MessageBody=body)

"""Why one message is in a dead-letter queue, and why a redrive would leave it there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.ops.dead_letters import remedies, rows
from video_analysis.ops.dead_letters.queue import Kind
from video_analysis.ops.dead_letters.rows import Row, Rows
from video_analysis.worker_utils.aws.errors import cause_of, error_code
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.contracts.messages import ReplayVideo, SnapshotReady, VideoTask
from video_analysis.worker_utils.errors import BadMessage, ErrorCode

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DONE = ("done", "completed")
STOPPED = ("cancelled", "paused")
"""Codes of an operator's request. A PROCESS_VIDEO that is sent again starts the work again."""
LOST_OBJECT: dict[Kind, ErrorCode] = {"video": "missing_object", "snapshot": "snapshot_expired"}
"""The failure of a message whose row is done and whose object is gone. It is not written into the row."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why one message is in the dead-letter queue."""

    kind: Kind
    status: str | None
    """Of its row; None if it has none."""
    code: str | None
    text: str | None
    lacks_object: bool = False
    """The row is done, and the file or snapshot cannot be read any more."""

    @property
    def is_done(self) -> bool:
        """Whether the work of the message was completed, by this message or by another one."""
        return self.status in DONE

    @property
    def would_fail_again(self) -> bool:
        """Whether the same message would fail for the same reason."""
        return self.lacks_object or (not self.is_done and remedies.would_fail_again(self.code))

    @property
    def refusal(self) -> str | None:
        """Why the message is moved by `--force` only; None if it is moved without."""
        if self.would_fail_again:
            return f"would fail again with {self.code}"
        if self.code in STOPPED:
            return f"was {self.code} by an operator"
        return None

    @property
    def summary(self) -> str:
        """The cause as a sentence."""
        if self.text:
            return self.text
        if self.is_done:
            return remedies.ALREADY_DONE[self.kind]
        if self.status is None:
            return "no row has a reason"
        return f"its row has no failure: the work is {self.status}, by another message or after a crash"

    @property
    def remedy(self) -> str:
        """What to do."""
        if self.is_done:
            return remedies.DONE_WITHOUT_OBJECT if self.lacks_object else remedies.DONE
        return remedies.remedy(self.code)


class Objects:
    """Whether the objects of messages can be read, with an operator's own permissions."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def problem(self, key: str) -> str | None:
        """Why an object cannot be read; None if it can. Without s3:ListBucket, S3 answers 403 for a missing object."""
        uri = f"s3://{self._bucket}/{key}"
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if cause_of(error) == "object":
                return f"{uri} does not exist"
            if cause_of(error) == "denied":
                return f"{uri} does not exist, or s3:GetObject on it is denied to you"
            return f"{uri} cannot be checked: {error_code(error)}"
        except BotoCoreError as error:
            return f"{uri} cannot be checked: {error}"
        return None


class Causes:
    """Finds the causes in the message, its row, and its object."""

    def __init__(self, stored: Rows, objects: Objects, bucket: str) -> None:
        self._rows = stored
        self._objects = objects
        self._bucket = bucket

    def of(self, kind: Kind, body: str) -> Cause:
        """That of a message: its own violation of the contract, or else what its row has."""
        try:
            message = self._parsed(kind, body)
        except BadMessage as fault:
            return Cause(kind, None, fault.code, str(fault))
        row = self._rows.one(_statement(message), message.model_dump())
        if row is None:
            return _without_row(kind, message)
        cause = Cause(kind, row.status, row.code, row.text)
        return self._with_object(cause, _object_key(message, row)) if cause.is_done else cause

    def _parsed(self, kind: Kind, body: str) -> VideoTask | SnapshotReady:
        if kind == "video":
            return messages.parse_video_task(body)
        return messages.parse_snapshot_ready(body, self._bucket)

    def _with_object(self, cause: Cause, key: str | None) -> Cause:
        """A row that is done does not have the failure of a message that came later: its object is checked."""
        problem = None if key is None else self._objects.problem(key)
        if problem is None:
            return cause
        return replace(cause, code=LOST_OBJECT[cause.kind], text=f"the work is done, but {problem}", lacks_object=True)


def _statement(message: VideoTask | SnapshotReady) -> str:
    if isinstance(message, SnapshotReady):
        return rows.SNAPSHOT
    return rows.RUN if isinstance(message, ReplayVideo) else rows.VIDEO


def _object_key(message: VideoTask | SnapshotReady, row: Row) -> str | None:
    """The key of the object that the worker would read; None if it is unknown."""
    if isinstance(message, SnapshotReady):
        return message.snapshot.key
    return getattr(message, "s3_key_raw", row.raw_key)


def _without_row(kind: Kind, message: VideoTask | SnapshotReady) -> Cause:
    if isinstance(message, ReplayVideo):
        return Cause(kind, None, "no_run_row", f"video_runs has no row {message.run_id} of this video")
    return Cause(kind, None, None, None)

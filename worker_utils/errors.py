"""The failure taxonomy. The consumer decides what to do with a message by the class of the failure alone.

Each failure has a stable `code`, which is stored in the row's `error_code`: docs/error-codes.md lists them all.

WorkerError
├── Permanent            this message can never succeed: recorded, dead-lettered
│   ├── BadMessage       the body violates the contract
│   ├── BadVideo         the object is not a video that can be read to its end
│   └── BadSnapshot      the object is not a 640×640 JPEG
├── MissingObject        S3 has no such object, denies it or cannot decrypt it: like Permanent, after short delays
├── Transient            a timeout, throttling, a 5xx: the message may succeed later
├── EnvironmentFault     database down, credentials refused, disk full: no message can succeed now
├── Interrupted          shutdown: the message is released and processed by another worker
├── Paused               an operator paused the run: the message is acknowledged, its work can be resumed
├── Cancelled            an operator cancelled the run: the message is acknowledged
└── LeaseLost            another consumer may have the message: nothing may be committed

ConfigurationError is not part of it: it stops the start, before any message is received.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeVar

ErrorCode = Literal[
    # the message
    "bad_message",
    "body_too_long",
    "not_json",
    "unknown_event",
    "wrong_queue",
    "wrong_bucket",
    # the object in S3
    "missing_object",
    "object_too_large",
    "key_too_long",
    "object_archived",
    "unsupported_encryption",
    "truncated",
    "undecodable",
    # the video
    "bad_video",
    "empty_file",
    "not_a_video",
    "no_video_stream",
    "unsupported_codec",
    "unsupported_format",
    "damaged",
    "too_many_frames",
    "too_long",
    "picture_too_large",
    # the snapshot
    "bad_snapshot",
    "wrong_content_type",
    "not_a_jpeg",
    "unsupported_jpeg",
    "wrong_size",
    "snapshot_expired",
    "inference_failed",
    # the row
    "no_video_row",
    "wrong_workspace",
    "incomplete_row",
    "row_vanished",
    "data_refused",
    # any message
    "permanent",
    "crashed",
    "body_refused",
    "transient",
    "unexpected",
    "aws_unavailable",
    "database_busy",
    "interrupted",
    "lease_lost",
    # the run
    "paused",
    "cancelled",
    "superseded",
    "no_run_row",
    "override_refused",
    # the environment
    "environment_fault",
    "database_unreachable",
    "database_failed",
    "schema_outdated",
    "schema_mismatch",
    "credentials_refused",
    "permission_denied",
    "kms_key_unusable",
    "send_denied",
    "no_bucket",
    "no_queue",
    "aws_refused",
    "disk_full",
    "temp_dir_unusable",
    "out_of_memory",
    "gpu_failed",
    "inference_unavailable",
]
"""Every value of the `error_code` columns. A code is never renamed and never changes its meaning."""


class ConfigurationError(Exception):
    """The configuration cannot work. The text names the variable and the remedy."""


class WorkerError(Exception):
    """Root of all failures. The text appears in error_msg and in the log.

    `code` may be more specific than the class; its default is the `default_code` of the class.
    """

    default_code: ClassVar[ErrorCode] = "unexpected"

    def __init__(self, text: str = "", *, code: ErrorCode | None = None) -> None:
        super().__init__(text)
        self.code: ErrorCode = code or self.default_code


class Permanent(WorkerError):
    """This message can never succeed, on any worker."""

    default_code: ClassVar[ErrorCode] = "permanent"


class BadMessage(Permanent):
    """The body violates the contract; the text names the field and the reason."""

    default_code: ClassVar[ErrorCode] = "bad_message"


class BadVideo(Permanent):
    """The object is not a video that can be read to its end."""

    default_code: ClassVar[ErrorCode] = "bad_video"


class BadSnapshot(Permanent):
    """The object is not a 640×640 JPEG."""

    default_code: ClassVar[ErrorCode] = "bad_snapshot"


class MissingObject(WorkerError):
    """S3 has no such object, or denies access to it. Without s3:ListBucket both responses are the same.

    With another code than the default one, the KMS key of the object refuses the read.
    """

    default_code: ClassVar[ErrorCode] = "missing_object"

    def __init__(self, text: str, key: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(text, code=code)
        self.key = key


class Transient(WorkerError):
    """The same message may succeed later: a timeout, throttling, a 5xx."""

    default_code: ClassVar[ErrorCode] = "transient"


class EnvironmentFault(WorkerError):
    """No message can succeed now: database down, credentials refused, disk full, GPU lost."""

    default_code: ClassVar[ErrorCode] = "environment_fault"


class Interrupted(WorkerError):
    """The process is shutting down; the message is released at once."""

    default_code: ClassVar[ErrorCode] = "interrupted"


class Paused(WorkerError):
    """An operator paused the run; what is finished is kept."""

    default_code: ClassVar[ErrorCode] = "paused"


class Cancelled(WorkerError):
    """An operator cancelled the run."""

    default_code: ClassVar[ErrorCode] = "cancelled"


class LeaseLost(WorkerError):
    """Another consumer may have received the message: commit nothing, acknowledge nothing."""

    default_code: ClassVar[ErrorCode] = "lease_lost"


Failure = TypeVar("Failure", bound=WorkerError)


def strip_traceback(failure: Failure) -> Failure:
    """`failure` without traceback, cause and context, so that a cached error keeps no frames in memory."""
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure

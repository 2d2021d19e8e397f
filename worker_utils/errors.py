"""What can go wrong, and whose fault it is: the consumer decides from the class alone what follows.

Each failure has a stable `code`, which is stored in the row's `error_code`: docs/error-codes.md lists them all.

WorkerError
├── Permanent            this message can never succeed: recorded, dead-lettered
│   ├── BadMessage       the body breaks the contract
│   ├── BadVideo         the object is not a video that can be read to its end
│   └── BadSnapshot      the object is not a 640×640 JPEG
├── MissingObject        S3 has no such object, or denies it: as permanent, after short waits
├── Transient            a timeout, throttling, a 5xx: the same message may succeed later
├── EnvironmentFault     database down, credentials gone, disk full: no message would succeed now
├── Interrupted          SIGTERM or a spot notice: somebody else goes on with it
└── LeaseLost            the message is no longer ours: nothing may be committed

ConfigurationError is not one of them: it stops the start, before any message is received.
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
    "truncated",
    "undecodable",
    # the video
    "bad_video",
    "empty_file",
    "not_a_video",
    "no_video_stream",
    "unsupported_codec",
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
    # the environment
    "environment_fault",
    "database_unreachable",
    "database_failed",
    "schema_outdated",
    "credentials_refused",
    "permission_denied",
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
    """The environment asks for a configuration that cannot work; the text names the variable and the remedy."""


class WorkerError(Exception):
    """Root of all failures; the text is what an operator reads in error_msg and in the log.

    `code` is finer than the class where one is given; otherwise it is the class's `default_code`.
    """

    default_code: ClassVar[ErrorCode] = "unexpected"

    def __init__(self, text: str = "", *, code: ErrorCode | None = None) -> None:
        super().__init__(text)
        self.code: ErrorCode = code or self.default_code


class Permanent(WorkerError):
    """This message can never succeed, whoever tries it."""

    default_code: ClassVar[ErrorCode] = "permanent"


class BadMessage(Permanent):
    """The body breaks the contract; the text names the field and the reason."""

    default_code: ClassVar[ErrorCode] = "bad_message"


class BadVideo(Permanent):
    """The object is not a video that can be read to its end."""

    default_code: ClassVar[ErrorCode] = "bad_video"


class BadSnapshot(Permanent):
    """The object is not a 640×640 JPEG."""

    default_code: ClassVar[ErrorCode] = "bad_snapshot"


class MissingObject(WorkerError):
    """S3 has no such object or denies it: without s3:ListBucket the two look alike."""

    default_code: ClassVar[ErrorCode] = "missing_object"

    def __init__(self, text: str, key: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(text, code=code)
        self.key = key


class Transient(WorkerError):
    """The same message may succeed later: a timeout, throttling, a 5xx."""

    default_code: ClassVar[ErrorCode] = "transient"


class EnvironmentFault(WorkerError):
    """No message would succeed now: database down, credentials refused, disk full, GPU lost."""

    default_code: ClassVar[ErrorCode] = "environment_fault"


class Interrupted(WorkerError):
    """The process was told to stop; the message goes back at once."""

    default_code: ClassVar[ErrorCode] = "interrupted"


class LeaseLost(WorkerError):
    """SQS may have given the message to somebody else: commit nothing, acknowledge nothing."""

    default_code: ClassVar[ErrorCode] = "lease_lost"


Failure = TypeVar("Failure", bound=WorkerError)


def strip_traceback(failure: Failure) -> Failure:
    """`failure` without its past, to be kept: a traceback holds on to all that was in hand when it was raised."""
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure

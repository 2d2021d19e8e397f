"""What can go wrong, and whose fault it is: the consumer decides from the class alone what follows.

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

from typing import TypeVar


class ConfigurationError(Exception):
    """The environment asks for a configuration that cannot work; the text names the variable and the remedy."""


class WorkerError(Exception):
    """Root of all failures; the text is what an operator reads in error_msg and in the log."""


class Permanent(WorkerError):
    """This message can never succeed, whoever tries it."""


class BadMessage(Permanent):
    """The body breaks the contract; the text names the field and the reason."""


class BadVideo(Permanent):
    """The object is not a video that can be read to its end."""


class BadSnapshot(Permanent):
    """The object is not a 640×640 JPEG."""


class MissingObject(WorkerError):
    """S3 has no such object or denies it: without s3:ListBucket the two look alike."""

    def __init__(self, text: str, key: str) -> None:
        super().__init__(text)
        self.key = key


class Transient(WorkerError):
    """The same message may succeed later: a timeout, throttling, a 5xx."""


class EnvironmentFault(WorkerError):
    """No message would succeed now: database down, credentials refused, disk full, GPU lost."""


class Interrupted(WorkerError):
    """The process was told to stop; the message goes back at once."""


class LeaseLost(WorkerError):
    """SQS may have given the message to somebody else: commit nothing, acknowledge nothing."""


Failure = TypeVar("Failure", bound=WorkerError)


def bare(failure: Failure) -> Failure:
    """`failure` without its past, to be kept: a traceback holds on to all that was in hand when it was raised."""
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure

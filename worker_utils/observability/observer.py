"""Events with stable codes, and the observers that receive them.

The consumer and both workers report events; they do not depend on logs or metrics. docs/event-codes.md lists the codes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

log = logging.getLogger("video_analysis.worker")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `code` is stable and is for programs; `message` is a sentence for people."""

    code: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)
    """Values, with units in their names."""
    level: int = logging.INFO
    error: BaseException | None = None
    """An unexpected exception; its traceback is logged."""


class Observer(Protocol):
    """Receives events. Must not raise and must return quickly: it is called from the working threads."""

    def notify(self, event: Event) -> None:
        """Receive one event."""


class LogObserver:
    """Writes each event as a log line."""

    def notify(self, event: Event) -> None:
        """See `Observer`."""
        log.log(event.level, "%s", event.message, extra={"event": event.code, **event.fields}, exc_info=event.error)

"""What happens in a worker, as events with stable codes, and the observers that take note of them.

The consumer and both workers report events and know nothing of logs or metrics. docs/event-codes.md lists the codes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

log = logging.getLogger("video_analysis.worker")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `code` is stable and is what programs go by; `message` is the sentence for a person."""

    code: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)
    """Values, with units in their names."""
    level: int = logging.INFO
    error: BaseException | None = None
    """Where the traceback belongs in the log."""


class Observer(Protocol):
    """Takes note of events. Must not raise, and must return quickly: it is called from the threads that work."""

    def notify(self, event: Event) -> None:
        """Take note of one event."""


class LogObserver:
    """Writes each event as a log line."""

    def notify(self, event: Event) -> None:
        """See `Observer`."""
        log.log(event.level, "%s", event.message, extra={"event": event.code, **event.fields}, exc_info=event.error)

"""An observer that records every event, for tests to check and to wait for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from video_analysis.worker_utils.observability.observer import Event


@dataclass
class RecordingObserver:
    """Thread-safe."""

    events: list[Event] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def notify(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def codes(self) -> list[str]:
        """The codes of all events so far, oldest first."""
        return [event.code for event in self.events]

    def wait_for(self, code: str, count: int = 1, timeout_s: float = 60) -> list[Event]:
        """The first `count` events with this code; TimeoutError if there are fewer in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.codes().count(code) >= count, timeout_s):
                raise TimeoutError(f"no {count} × {code} within {timeout_s:g} s; seen: {self.codes()}")
        return [event for event in self.events if event.code == code][:count]

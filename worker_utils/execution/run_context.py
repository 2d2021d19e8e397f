"""The context of one attempt at one video, passed explicitly: its run key, its lease, and where it reports."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from video_analysis.worker_utils.consumer.delivery import Lease
from video_analysis.worker_utils.observability.observer import Event, Observer


@dataclass(frozen=True, slots=True)
class RunContext:
    """The context of one run. Call `check` before every commit and every long step."""

    run_key: str
    """Hash of the settings and weights that decide which tracks are found: equal keys find the same tracks."""
    lease: Lease
    observer: Observer
    ids: Mapping[str, object]
    """message_id and video_id, which every event of this run has as fields."""

    def check(self) -> None:
        """Mark progress. Raises LeaseLost or Interrupted if the work must stop."""
        self.lease.check()

    def report(
        self, code: str, message: str, fields: Mapping[str, object] | None = None, level: int = logging.INFO
    ) -> None:
        """Report an event of this run."""
        self.observer.notify(Event(code, message, {**self.ids, **(fields or {})}, level))

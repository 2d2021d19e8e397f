"""The context of one attempt at one video, passed explicitly: its run, its lease, and where it reports."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from video_analysis.worker_utils.consumer.delivery import Lease
from video_analysis.worker_utils.observability.observer import Event, Observer


class Progress(Protocol):
    """The progress of a run, which is written from time to time."""

    def check(self) -> None:
        """Write the progress if it is due. Raises Paused, Cancelled, or LeaseLost if it is superseded."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The context of one run. Call `check` before every commit and every long step."""

    run_key: str
    """Hash of the settings and weights that decide which tracks are found: equal keys find the same tracks."""
    lease: Lease
    observer: Observer
    ids: Mapping[str, object]
    """message_id and video_id, which every event of this run has as fields."""
    run_id: str | None = None
    """The row of the run; None if runs are not recorded."""
    progress: Progress | None = None
    """None if runs are not recorded, or if the run was completed before."""

    def check(self) -> None:
        """Mark progress. Raises LeaseLost, Interrupted, Paused or Cancelled if the work must stop."""
        self.lease.check()
        if self.progress is not None:
            self.progress.check()

    def report(
        self, code: str, message: str, fields: Mapping[str, object] | None = None, level: int = logging.INFO
    ) -> None:
        """Report an event of this run."""
        self.observer.notify(Event(code, message, {**self.ids, **(fields or {})}, level))

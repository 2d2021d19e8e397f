"""Durations of the steps of a run."""

from __future__ import annotations

import time


class Stopwatch:
    """Runs from its creation; each lap is named when it ends."""

    def __init__(self) -> None:
        self._begun_s = self._last_s = time.monotonic()
        self.laps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        """End the lap `name`, which began at the end of the previous one."""
        now_s = time.monotonic()
        self.laps.append((name, now_s - self._last_s))
        self._last_s = now_s

    @property
    def total_s(self) -> float:
        """Seconds since the creation."""
        return time.monotonic() - self._begun_s

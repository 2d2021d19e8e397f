"""How long each step of a run took."""

from __future__ import annotations

import time


class Stopwatch:
    """Runs from its making on; each lap is named when it ends."""

    def __init__(self) -> None:
        self._begun_s = self._last_s = time.monotonic()
        self.laps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        """What has passed since the lap before was `name`."""
        now_s = time.monotonic()
        self.laps.append((name, now_s - self._last_s))
        self._last_s = now_s

    @property
    def total_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun_s

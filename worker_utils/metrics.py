"""Where the time of a chain of generators goes: each stage's own seconds, what it pulled from upstream taken off."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")


class StageClock:
    """Wrap each stage of a chain, in order, with `timed`; `own_seconds` then says what each one cost."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._inclusive_s: dict[str, float] = {}
        self._items: dict[str, int] = {}

    def timed(self, stage: str, items: Iterable[Item]) -> Generator[Item, None, None]:
        """`items` unchanged; the time spent waiting for each is put down to `stage` and what lies upstream."""
        self._inclusive_s[stage] = 0.0
        self._items[stage] = 0
        return self._timed(stage, items)

    def _timed(self, stage: str, items: Iterable[Item]) -> Generator[Item, None, None]:
        iterator = iter(items)
        while True:
            begun = self._seconds()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._inclusive_s[stage] += self._seconds() - begun
            self._items[stage] += 1
            yield item

    def own_seconds(self) -> dict[str, float]:
        """Seconds of each stage without its upstream, in the order of wrapping, to the millisecond."""
        upstream = 0.0
        own: dict[str, float] = {}
        for stage, inclusive in self._inclusive_s.items():
            own[stage] = round(inclusive - upstream, 3)
            upstream = inclusive
        return own

    def count(self, stage: str) -> int:
        """How many items `stage` has given out."""
        return self._items.get(stage, 0)

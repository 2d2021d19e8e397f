"""Where the time of a chain of generators goes: each stage's own seconds, what it pulled from upstream taken off.

A stage that is fed by another thread has no upstream here: its seconds are those in which it was waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from video_analysis.worker_utils.execution import concurrency

Item = TypeVar("Item")


class StageClock:
    """Wrap each stage of a chain with `timed`; `own_seconds` then says what each one cost the thread that pulls it."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._inclusive_s: dict[str, float] = {}
        self._items: dict[str, int] = {}
        self._upstream: dict[str, str | None] = {}

    def timed(self, stage: str, items: Iterable[Item], upstream: str | None = None) -> Generator[Item, None, None]:
        """`items` unchanged; the time spent waiting for each is put down to `stage` and, in part, to `upstream`.

        `upstream` is the stage that this one pulls from in the same thread; None where it has none.
        """
        self._inclusive_s[stage] = 0.0
        self._items[stage] = 0
        self._upstream[stage] = upstream
        return self._timed(stage, items)

    def _timed(self, stage: str, items: Iterable[Item]) -> Generator[Item, None, None]:
        iterator = iter(items)
        try:
            yield from self._each(stage, iterator)
        finally:
            concurrency.close(iterator)

    def _each(self, stage: str, iterator: Iterator[Item]) -> Iterator[Item]:
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
        return {stage: round(total_s - self._upstream_s(stage), 3) for stage, total_s in self._inclusive_s.items()}

    def _upstream_s(self, stage: str) -> float:
        upstream = self._upstream[stage]
        return 0.0 if upstream is None else self._inclusive_s[upstream]

    def count(self, stage: str) -> int:
        """How many items `stage` has given out."""
        return self._items.get(stage, 0)

"""Measures the time of each stage in a chain of generators, without the time of its upstream.

A stage that runs in another thread has no upstream here: its seconds are the time spent waiting for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from video_analysis.worker_utils.execution import concurrency

Item = TypeVar("Item")


class StageObserver(Protocol):
    """Receives the times of the stages of a chain. Called from the threads that pull the items."""

    def pulled(self, stage: str, seconds: float, items: int) -> None:
        """`stage` was pulled once, which took `seconds`; `items` is 1, or 0 at its end or failure."""


def timed(
    stage: str, items: Iterable[Item], observer: StageObserver, clock: Callable[[], float] = time.perf_counter
) -> Generator[Item, None, None]:
    """`items` unchanged; the time of each pull is reported. Closing this generator closes `items`."""
    iterator = iter(items)
    try:
        yield from _each(stage, iterator, observer, clock)
    finally:
        concurrency.close(iterator)


def _each(stage: str, iterator: Iterator[Item], observer: StageObserver, clock: Callable[[], float]) -> Iterator[Item]:
    while True:
        begun = clock()
        try:
            item = next(iterator)
        except BaseException as end:
            observer.pulled(stage, clock() - begun, 0)
            if isinstance(end, StopIteration):
                return
            raise
        observer.pulled(stage, clock() - begun, 1)
        yield item


class StageClock:
    """A StageObserver that sums the seconds and items of each stage of one chain."""

    def __init__(self, upstream: Mapping[str, str | None]) -> None:
        """`upstream`: every stage in order → the stage that it pulls from in the same thread, or None."""
        self._upstream = upstream
        self._inclusive_s = dict.fromkeys(upstream, 0.0)
        self._items = dict.fromkeys(upstream, 0)

    def pulled(self, stage: str, seconds: float, items: int) -> None:
        """See `StageObserver`."""
        self._inclusive_s[stage] += seconds
        self._items[stage] += items

    def own_seconds(self) -> dict[str, float]:
        """Seconds of each stage without those of its upstream, rounded to milliseconds."""
        return {stage: round(total_s - self._upstream_s(stage), 3) for stage, total_s in self._inclusive_s.items()}

    def _upstream_s(self, stage: str) -> float:
        upstream = self._upstream[stage]
        return 0.0 if upstream is None else self._inclusive_s[upstream]

    def count(self, stage: str) -> int:
        """Number of items that `stage` has produced."""
        return self._items[stage]

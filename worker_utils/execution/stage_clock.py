"""Measures the time of each stage in a chain of generators, without the time of its upstream.

A stage that runs in another thread has no upstream here: its seconds are the time spent waiting for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from video_analysis.worker_utils.execution import concurrency

Item = TypeVar("Item")
StageReport = Callable[[str, float, int], object]
"""Receives a stage, the seconds of one pull of it without its upstream, and 1; 0 at its end or failure."""


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
    """A StageObserver that sums the own seconds and the items of each stage of one chain.

    A pull of a stage contains the pulls of its upstream that it caused: its own seconds are what remains.
    """

    def __init__(self, upstream: Mapping[str, str | None], report: StageReport | None = None) -> None:
        """`upstream`: every stage in order → the stage that it pulls from in the same thread, or None.

        `report` also receives the own seconds of each pull, in the thread that pulls.
        """
        self._upstream = upstream
        self._report = report
        self._own_s = dict.fromkeys(upstream, 0.0)
        self._contained_s = dict.fromkeys(upstream, 0.0)
        """Seconds of the pulls of a stage since the stage that pulls it was last reported."""
        self._items = dict.fromkeys(upstream, 0)

    def pulled(self, stage: str, seconds: float, items: int) -> None:
        """See `StageObserver`."""
        own_s = seconds - self._take_contained_s(self._upstream[stage])
        self._contained_s[stage] += seconds
        self._own_s[stage] += own_s
        self._items[stage] += items
        if self._report is not None:
            self._report(stage, max(0.0, own_s), items)

    def own_seconds(self) -> dict[str, float]:
        """Seconds of each stage without those of its upstream, rounded to milliseconds."""
        return {stage: round(own_s, 3) for stage, own_s in self._own_s.items()}

    def _take_contained_s(self, upstream: str | None) -> float:
        if upstream is None:
            return 0.0
        contained_s, self._contained_s[upstream] = self._contained_s[upstream], 0.0
        return contained_s

    def count(self, stage: str) -> int:
        """Number of items that `stage` has produced."""
        return self._items[stage]

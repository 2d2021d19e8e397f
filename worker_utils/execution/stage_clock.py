"""Where the time of a chain of generators goes: each stage's own seconds, without its upstream's.

A stage that is fed by another thread has no upstream here: its seconds are those in which it was waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from video_analysis.worker_utils.execution import concurrency

Item = TypeVar("Item")


class StageObserver(Protocol):
    """Takes note of the time that the stages of a chain take. Called from the threads that pull them."""

    def pulled(self, stage: str, seconds: float, items: int) -> None:
        """`stage` was waited for once: it gave one item, or none at its end or failure."""


def timed(
    stage: str, items: Iterable[Item], observer: StageObserver, clock: Callable[[], float] = time.perf_counter
) -> Generator[Item, None, None]:
    """`items` unchanged; each wait for the next one is reported. Closing this closes `items`."""
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
    """A StageObserver that adds up: seconds and items of each stage of one chain."""

    def __init__(self, upstream: Mapping[str, str | None]) -> None:
        """`upstream`: all stages in order, each with the one that it pulls from in the same thread, or None."""
        self._upstream = upstream
        self._inclusive_s = dict.fromkeys(upstream, 0.0)
        self._items = dict.fromkeys(upstream, 0)

    def pulled(self, stage: str, seconds: float, items: int) -> None:
        """See `StageObserver`."""
        self._inclusive_s[stage] += seconds
        self._items[stage] += items

    def own_seconds(self) -> dict[str, float]:
        """Seconds of each stage without its upstream's, to the millisecond."""
        return {stage: round(total_s - self._upstream_s(stage), 3) for stage, total_s in self._inclusive_s.items()}

    def _upstream_s(self, stage: str) -> float:
        upstream = self._upstream[stage]
        return 0.0 if upstream is None else self._inclusive_s[upstream]

    def count(self, stage: str) -> int:
        """How many items `stage` has given."""
        return self._items[stage]

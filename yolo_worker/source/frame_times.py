"""Timestamps of decoded frames → offsets that never fall: missing ones are filled in, stray ones corrected. Pure.

A regular timestamp is passed on at once. A missing one, one that does not rise, or one that jumps ahead is held back
together with its successors until the timestamps are back on the line, or until `ahead` frames are held. Then the
longest rising sequence among them is accepted. What lies outside it is interpolated. Where most of them lie behind, or
where they rise by even steps from one that lies behind, the clock has restarted (a discontinuity, a wrap-around): the
line continues by one step, and what follows is shifted alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Generic, TypeVar

REGULAR_STEPS = 2.5
"""A timestamp is regular if it is at most this many usual steps after its predecessor."""
REMEMBERED_STEPS = 5
EVEN = 1.5
"""Steps are even if none is more times longer than another."""

Item = TypeVar("Item")


class Timeline(Generic[Item]):
    """Offsets in ms, in the order of presentation. Each item is returned exactly once, with its offset."""

    def __init__(self, step_ms: float, ahead: int, start_ms: float | None = None) -> None:
        """`step_ms`: the nominal step; `ahead`: the most items held back; `start_ms`: the timestamp of offset 0.

        Without `start_ms` the first known timestamp is offset 0.
        """
        self._steps = deque([step_ms], maxlen=REMEMBERED_STEPS)
        self._step = step_ms
        self._ahead = ahead
        self._shift = None if start_ms is None else -start_ms
        self._last = -step_ms
        self._held: list[tuple[float | None, Item]] = []

    def push(self, time_ms: float | None, item: Item) -> Iterator[tuple[float, Item]]:
        """Take the next frame's timestamp; the items whose offsets are now decided."""
        if not self._held and time_ms is not None and self._shift is not None:
            offset = time_ms + self._shift
            if 0 < offset - self._last <= REGULAR_STEPS * self._step:
                yield self._advanced(offset), item
                return
        self._held.append((time_ms, item))
        if time_ms is not None and self._shift is None:
            self._shift = (len(self._held) - 1) * self._step - time_ms
        if self._is_back_on_line(time_ms) or len(self._held) > self._ahead:
            yield from self._release()

    def close(self) -> Iterator[tuple[float, Item]]:
        """The items that are still held back."""
        yield from self._release()

    def _is_back_on_line(self, time_ms: float | None) -> bool:
        if time_ms is None or self._shift is None:
            return False
        advance = time_ms + self._shift - self._last
        return self._least_advance(len(self._held) - 1) < advance <= REGULAR_STEPS * self._step * len(self._held)

    def _least_advance(self, place: int) -> float:
        """A timestamp at this place in `_held` is at most one step early, or it is a stray one."""
        return place * self._step

    def _release(self) -> Iterator[tuple[float, Item]]:
        while self._held:
            accepted = self._accepted()
            if not accepted and any(time is not None for time, _ in self._held):
                self._restart()
                accepted = self._accepted()
            end = accepted[-1] + 1 if accepted else len(self._held)
            taken, self._held = self._held[:end], self._held[end:]
            yield from zip(self._offsets(taken, accepted), (item for _, item in taken), strict=True)

    def _accepted(self) -> list[int]:
        """Places in `_held` of the timestamps to believe; empty where they are those of a clock that restarted."""
        shift = self._shift or 0.0
        known = [(place, time + shift) for place, (time, _) in enumerate(self._held) if time is not None]
        ahead = [(place, offset) for place, offset in known if offset > self._last]
        if known and known[0][1] <= self._last and _rise_evenly(known):
            return []
        if known and self._is_back_on_line(self._held[-1][0]):
            ahead = [
                (place, offset)
                for place, offset in ahead
                if self._least_advance(place) < offset - self._last <= known[-1][1] - self._last
            ]
        elif 2 * len(ahead) < len(known):
            return []
        return longest_rise(ahead)

    def _restart(self) -> None:
        place, time = next((place, time) for place, (time, _) in enumerate(self._held) if time is not None)
        self._shift = self._last + (place + 1) * self._step - time

    def _offsets(self, taken: Sequence[tuple[float | None, Item]], accepted: Sequence[int]) -> Iterator[float]:
        """The offset of each taken item: its own where accepted, interpolated elsewhere."""
        begin = 0
        for place in accepted:
            offset = (taken[place][0] or 0.0) + (self._shift or 0.0)
            yield from self._filled(place - begin, offset)
            yield self._advanced(offset)
            begin = place + 1
        yield from self._filled(len(taken) - begin, None)

    def _advanced(self, offset: float) -> float:
        self._steps.append(offset - self._last)
        self._step = median(self._steps)
        self._last = offset
        return max(0.0, offset)

    def _filled(self, count: int, until: float | None) -> Iterator[float]:
        """Offsets of `count` items before `until`: evenly spaced, or by the usual step where a gap follows."""
        step = self._step
        if until is not None and until - self._last <= REGULAR_STEPS * step * (count + 1):
            step = (until - self._last) / (count + 1)
        for _ in range(count):
            self._last += step
            yield max(0.0, self._last)


def _rise_evenly(known: Sequence[tuple[int, float]]) -> bool:
    """Whether these timestamps are those of another clock. Stray ones do not rise by even steps."""
    steps = [later[1] - earlier[1] for earlier, later in pairwise(known)]
    return len(steps) > 1 and 0 < max(steps) <= EVEN * min(steps)


def offsets(
    times: Iterable[tuple[float | None, Item]], step_ms: float, ahead: int, start_ms: float | None = None
) -> Iterator[tuple[float, Item]]:
    """Each item with its offset; see Timeline."""
    line = Timeline[Item](step_ms, ahead, start_ms)
    for time_ms, item in times:
        yield from line.push(time_ms, item)
    yield from line.close()


def longest_rise(points: Sequence[tuple[int, float]]) -> list[int]:
    """Places of the longest strictly rising sequence; of several, the one that ends lowest. Takes quadratic time."""
    best: list[tuple[int, int]] = []
    for _, value in points:
        before = [(length, -points[at][1], at) for at, (length, _) in enumerate(best) if points[at][1] < value]
        length, _, previous = max(before, default=(0, 0.0, -1))
        best.append((length + 1, previous))
    if not best:
        return []
    at = max(range(len(best)), key=lambda end: (best[end][0], -points[end][1]))
    found = []
    while at >= 0:
        found.append(points[at][0])
        at = best[at][1]
    return found[::-1]

"""Exponential backoff with jitter, so that the workers of a fleet do not retry at the same moment."""

from __future__ import annotations

import random
from collections.abc import Callable

SPREAD = 0.25
"""Largest jitter as a share of the delay: a delay of 30 s becomes 22.5 to 37.5 s."""


def jittered(delay_s: float, jitter: float) -> float:
    """`delay_s` changed by up to ±25%. `jitter` lies in [0, 1); 0.5 changes nothing."""
    return delay_s * (1 + SPREAD * (2 * jitter - 1))


class Backoff:
    """Doubles from `first_s` up to `longest_s`. `reset` returns to `first_s`."""

    def __init__(self, first_s: float, longest_s: float, jitter: Callable[[], float] = random.random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._delay_s = first_s

    def next_s(self) -> float:
        """The delay to wait now, in seconds; the next one is about twice as long."""
        delay_s = min(self._delay_s, self._longest_s)
        self._delay_s = min(self._delay_s * 2, self._longest_s)
        return jittered(delay_s, self._jitter())

    def reset(self) -> None:
        """Start again at `first_s`, after a success."""
        self._delay_s = self._first_s

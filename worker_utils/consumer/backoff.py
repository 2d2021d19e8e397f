"""Waits that grow from try to try, each a little off the round number so that a fleet does not act in step."""

from __future__ import annotations

import random
from collections.abc import Callable

SPREAD = 0.25
"""A wait around 30 s lies between 22.5 and 37.5 s."""


def jittered(delay_s: float, jitter: float) -> float:
    """`delay_s`, moved by up to ±25%; `jitter` in [0, 1) says how far, 0.5 leaves it as it is."""
    return delay_s * (1 + SPREAD * (2 * jitter - 1))


class Backoff:
    """Doubles from `first_s` to `longest_s`, and begins again after a reset."""

    def __init__(self, first_s: float, longest_s: float, jitter: Callable[[], float] = random.random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._delay_s = first_s

    def next_s(self) -> float:
        """How long to wait now, in seconds; the next answer is about twice as long."""
        delay_s = min(self._delay_s, self._longest_s)
        self._delay_s = min(self._delay_s * 2, self._longest_s)
        return jittered(delay_s, self._jitter())

    def reset(self) -> None:
        """All is well again."""
        self._delay_s = self._first_s

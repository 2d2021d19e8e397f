"""Limits the rate of calls."""

from __future__ import annotations

import time
from collections.abc import Callable


def limited(per_second: float) -> Callable[[], None]:
    """A function that waits until the next call is due."""
    next_s = time.monotonic()

    def wait() -> None:
        nonlocal next_s
        time.sleep(max(0.0, next_s - time.monotonic()))
        next_s = max(next_s, time.monotonic()) + 1 / per_second

    return wait

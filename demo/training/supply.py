"""Batches made ahead by threads, in order: OpenCV lets the others run while it decodes and warps.

Threads, not processes: a batch of snapshots is 80 MB, more than many machines' shared memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def supplied(make: Callable[[int], Made], numbers: Iterable[int], threads: int) -> Generator[Made, None, None]:
    """make(n) for each of `numbers`, of which there may be no end; a little more than `threads` are made ahead."""
    pool = ThreadPoolExecutor(max(1, threads))
    waiting: deque[Future[Made]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

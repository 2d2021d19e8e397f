"""A list of jobs over several processes, each with one thread of OpenCV."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import cv2

Result = TypeVar("Result")


def results(job: Callable[..., Result], calls: Sequence[tuple[object, ...]], processes: int) -> Iterator[Result]:
    """`job`'s result for the arguments of each call, as they are finished. One process: this one."""
    if processes <= 1 or len(calls) <= 1:
        for arguments in calls:
            yield job(*arguments)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _one_thread) as pool:
        for future in as_completed([pool.submit(job, *arguments) for arguments in calls]):
            yield future.result()


def _one_thread() -> None:
    cv2.setNumThreads(1)

"""Several fields side by side, each in a process of its own: most of a scenario is waiting for workers to start."""

from __future__ import annotations

import multiprocessing
import subprocess
import time
from collections.abc import Generator, Sequence
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from typing import NamedTuple

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos import environment
from video_analysis.tests.chaos.environment import Field, Result, Scenario
from video_analysis.tests.chaos.suite import Suite

LOOK_EVERY_S = 1.0


class Done(NamedTuple):
    """What came of the scenario with this number, and how long it took."""

    number: int
    result: Result
    seconds: float


def run(suite: Suite, lanes: int, out: Path) -> Generator[Done, None, None]:
    """All of the suite, each lane taking every `lanes`-th, in the order in which they end; logs go to out/<lane>."""
    context = multiprocessing.get_context("spawn")
    done: Queue[Done] = context.Queue()
    processes = [
        context.Process(target=_lane, args=(suite, lane, lanes, out / str(lane), done)) for lane in range(lanes)
    ]
    for process in processes:
        process.start()
    try:
        for _ in suite.scenarios():
            yield _next(done, processes)
    except BaseException:
        for process in processes:
            process.terminate()  # which leaves by way of its with-blocks (pollers.stop_when_told)
        raise
    finally:
        for process in processes:
            process.join()


def _next(done: Queue[Done], lanes: Sequence[SpawnProcess]) -> Done:
    """RuntimeError where a lane has ended before its scenarios were done."""
    while True:
        fallen = any(lane.exitcode for lane in lanes)
        try:
            return done.get(timeout=LOOK_EVERY_S)
        except Empty:
            if fallen:
                raise RuntimeError("a field could not be kept up: its traceback stands above") from None


def _lane(suite: Suite, lane: int, lanes: int, logs: Path, done: Queue[Done]) -> None:
    worker_process.stop_when_told()
    logs.mkdir(parents=True, exist_ok=True)
    with environment.prepared(logs) as prepared:
        for number, (name, scenario) in list(enumerate(suite.scenarios()))[lane::lanes]:
            begun_s = time.monotonic()
            done.put(Done(number, result_of(prepared, name, scenario), time.monotonic() - begun_s))


def result_of(prepared: Field, name: str, scenario: Scenario) -> Result:
    """What came of a scenario; where a worker did what it must not, that, and what had been done to it until then."""
    prepared.faults_done = 0
    try:
        return scenario(prepared, name)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        runs, faults = len(prepared.sent), prepared.faults_done
        prepared.restart()
        return Result(name, runs, faults, 0, 0, 0, 0, 0, str(failure))

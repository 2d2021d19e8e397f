"""Run scenarios in several environments at a time, one process each: most of the time is spent in worker starts."""

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
from video_analysis.tests.chaos.environment import ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.suite import Suite

POLL_EVERY_S = 1.0


class Done(NamedTuple):
    """Number, result and duration of a scenario."""

    number: int
    result: Result
    seconds: float


def run(suite: Suite, count: int, out: Path) -> Generator[Done, None, None]:
    """Run the suite in `count` processes, each with every `count`-th scenario; yields results as they end.

    The logs of process n are written to `out`/n.
    """
    context = multiprocessing.get_context("spawn")
    done: Queue[Done] = context.Queue()
    processes = [
        context.Process(target=_run_share, args=(suite, share, count, out / str(share), done)) for share in range(count)
    ]
    for process in processes:
        process.start()
    try:
        for _ in suite.scenarios():
            yield _next(done, processes)
    except BaseException:
        for process in processes:
            process.terminate()  # exit_on_signal: it leaves its with-blocks, which stop the workers
        raise
    finally:
        for process in processes:
            process.join()


def _next(done: Queue[Done], processes: Sequence[SpawnProcess]) -> Done:
    """The next result. RuntimeError if a process has ended before its scenarios."""
    while True:
        failed = any(process.exitcode for process in processes)
        try:
            return done.get(timeout=POLL_EVERY_S)
        except Empty:
            if failed:
                raise RuntimeError("an environment failed: see its traceback above") from None


def _run_share(suite: Suite, share: int, count: int, logs: Path, done: Queue[Done]) -> None:
    worker_process.exit_on_signal()
    logs.mkdir(parents=True, exist_ok=True)
    with environment.started(logs) as chaos:
        for number, (name, scenario) in list(enumerate(suite.scenarios()))[share::count]:
            begun_s = time.monotonic()
            done.put(Done(number, result_of(chaos, name, scenario), time.monotonic() - begun_s))


def result_of(chaos: ChaosEnvironment, name: str, scenario: Scenario) -> Result:
    """Run a scenario. A failed assertion is its failure, with the faults injected until then."""
    chaos.faults_done = 0
    try:
        return scenario(chaos, name)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        runs, faults = len(chaos.sent), chaos.faults_done
        chaos.restart()
        return Result(name, runs, faults, 0, 0, 0, 0, 0, str(failure))

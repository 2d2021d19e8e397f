"""SIGTERM at every boundary, repeated copies of a message, several workers on one queue."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from video_analysis.tests.chaos.environment import WORKERS, ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.steps import COMPLETED_STEPS, Boundary, chains, title
from video_analysis.tests.chaos.supervisor import SupervisedWorker
from video_analysis.worker_config import PACKAGE_FOLDER

UNITS = {"yolo_worker": "cvitx-yolo-video.service", "main_worker": "cvitx-main-model.service"}


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """SIGTERM at every boundary, up to three per video; then repeated messages and several workers."""
    for worker in WORKERS:
        for chain in chains(worker, COMPLETED_STEPS):
            yield f"SIGTERM {worker} {title(chain)}", partial(sigterm, worker=worker, boundaries=chain)
    yield "the same message ten times", partial(copies, count=10)
    for workers in (2, 4):
        name = f"{workers} workers of each kind, every message twice"
        yield name, partial(many_workers, workers=workers, videos=workers)


def sigterm(chaos: ChaosEnvironment, scenario: str, *, worker: str, boundaries: Sequence[Boundary]) -> Result:
    """One video with SIGTERM at each boundary: exit 0 within the unit's timeout, and all messages are released."""
    dead = chaos.dead()
    chaos.interrupt_at(worker, boundaries, signal.SIGTERM, partial(assert_clean_stop, chaos))
    return chaos.evaluate(scenario, len(boundaries), dead)


def assert_clean_stop(chaos: ChaosEnvironment, supervised: SupervisedWorker, boundary: Boundary | None = None) -> None:
    """Wait for the end after SIGTERM. AssertionError unless it is exit 0 in time with all messages visible again."""
    where = "" if boundary is None else f" {boundary.name}"
    code = supervised.running.wait(stop_timeout_s(supervised.worker))
    assert code == 0, f"{supervised.worker}: SIGTERM{where} ended with {code}\n{supervised.log_tail()}"
    hidden = chaos.hidden(supervised.worker)
    assert hidden == 0, f"{supervised.worker}: {hidden} messages still in flight after SIGTERM{where}"


def copies(chaos: ChaosEnvironment, scenario: str, *, count: int) -> Result:
    """Send the same message `count` times."""
    dead = chaos.dead()
    chaos.send(count)
    chaos.faults_done += count - 1
    chaos.settle()
    return chaos.evaluate(scenario, count - 1, dead)


def many_workers(chaos: ChaosEnvironment, scenario: str, *, workers: int, videos: int) -> Result:
    """Run `workers` of each kind on one queue, with every message sent twice."""
    dead = chaos.dead()
    with extra_workers(chaos, workers - 1):
        for _ in range(videos):
            chaos.send(2)
            chaos.faults_done += 1
        chaos.settle()
    return chaos.evaluate(scenario, videos, dead)


def stop_timeout_s(worker: str) -> float:
    """TimeoutStopSec of the worker's systemd unit."""
    unit = (PACKAGE_FOLDER / "systemd" / UNITS[worker]).read_text("utf-8")
    (line,) = [line for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    return float(line.partition("=")[2])


@contextmanager
def extra_workers(chaos: ChaosEnvironment, more: int) -> Iterator[list[SupervisedWorker]]:
    """Run `more` additional workers of each kind for the duration of the block; SIGTERM ends them."""
    extra = [
        SupervisedWorker(name, supervised.environ, _folder(supervised, number))
        for name, supervised in chaos.workers.items()
        for number in range(more)
    ]
    try:
        for one in extra:
            one.start()
        yield extra
        codes = [one.stop() for one in extra]
        assert not any(codes), codes
    finally:
        for one in extra:
            one.end()


def _folder(supervised: SupervisedWorker, number: int) -> Path:
    folder = supervised.folder / f"more_{number}"
    folder.mkdir(exist_ok=True)
    return folder

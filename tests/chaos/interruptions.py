"""SIGTERM at every boundary; the same message many times over; several workers on one queue."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from video_analysis.tests.chaos.environment import WORKERS, Field, Result, Scenario
from video_analysis.tests.chaos.steps import SEEN_THROUGH, Boundary, chains, title
from video_analysis.tests.chaos.supervisor import Supervised
from video_analysis.worker_config import PACKAGE_FOLDER

UNITS = {"yolo_worker": "cvitx-yolo-video.service", "main_worker": "cvitx-main-model.service"}


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """SIGTERM at every boundary, up to three in one video; then copies and crowds."""
    for worker in WORKERS:
        for chain in chains(worker, SEEN_THROUGH):
            yield f"SIGTERM {worker} {title(chain)}", partial(sigterm, worker=worker, boundaries=chain)
    yield "the same message ten times", partial(copies, count=10)
    for workers in (2, 4):
        name = f"{workers} workers of each kind, every message twice"
        yield name, partial(crowd, workers=workers, videos=workers)


def sigterm(field: Field, scenario: str, *, worker: str, boundaries: Sequence[Boundary]) -> Result:
    """One video, and SIGTERM at each of these places: exit 0 in the unit's time, and nothing is kept from the next."""
    dead = field.dead()
    field.strike(worker, boundaries, signal.SIGTERM, partial(stopped_well, field))
    return field.account(scenario, len(boundaries), dead)


def stopped_well(field: Field, place: Supervised, boundary: Boundary | None = None) -> None:
    """What a SIGTERM must come to: exit 0 in the unit's time, with everything visible to the next at once."""
    where = "" if boundary is None else f" {boundary.name}"
    code = place.running.wait(stop_timeout_s(place.worker))
    assert code == 0, f"{place.worker}: SIGTERM{where} ended with {code}\n{place.last_words()}"
    hidden = field.hidden(place.worker)
    assert hidden == 0, f"{place.worker}: {hidden} messages still invisible after SIGTERM{where}"


def copies(field: Field, scenario: str, *, count: int) -> Result:
    """The same message `count` times."""
    dead = field.dead()
    field.send(count)
    field.faults_done += count - 1
    field.settle()
    return field.account(scenario, count - 1, dead)


def crowd(field: Field, scenario: str, *, workers: int, videos: int) -> Result:
    """`workers` of each kind on one queue, and every message twice."""
    dead = field.dead()
    with reinforced(field, workers - 1):
        for _ in range(videos):
            field.send(2)
            field.faults_done += 1
        field.settle()
    return field.account(scenario, videos, dead)


def stop_timeout_s(worker: str) -> float:
    """TimeoutStopSec of the worker's unit."""
    unit = (PACKAGE_FOLDER / "systemd" / UNITS[worker]).read_text("utf-8")
    (line,) = [line for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    return float(line.partition("=")[2])


@contextmanager
def reinforced(field: Field, more: int) -> Iterator[list[Supervised]]:
    """`more` workers of each kind beside those that are there; stopped by SIGTERM at the end."""
    extra = [
        Supervised(name, place.environ, _folder(place, number))
        for name, place in field.workers.items()
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


def _folder(place: Supervised, number: int) -> Path:
    folder = place.folder / f"more_{number}"
    folder.mkdir(exist_ok=True)
    return folder

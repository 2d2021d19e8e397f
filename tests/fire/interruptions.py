"""SIGTERM at every boundary; the same message many times over; several workers on one queue."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from video_analysis.tests.fire.field import LOOK_EVERY_S, PATIENCE_S, Field, Result
from video_analysis.tests.fire.steps import Boundary
from video_analysis.tests.fire.supervisor import Supervised
from video_analysis.worker_config import PACKAGE_FOLDER

UNITS = {"yolo_worker": "cvitx-yolo-video.service", "main_worker": "cvitx-main-model.service"}


def sigterm(field: Field, scenario: str, *, worker: str, boundary: Boundary, signals: int = 1) -> Result:
    """One video, and SIGTERM where the recipe says: exit 0 in the unit's time, and nothing is kept from the next."""
    place, dead = field.workers[worker], field.dead()
    assert place.stop() == 0, f"{worker}: SIGTERM ended badly\n{place.last_words()}"
    place.start(boundary, signal.SIGTERM)
    field.send()
    _await_strike(place)
    assert place.process is not None
    for _ in range(signals - 1):
        place.process.send_signal(signal.SIGTERM)
    code = place.process.wait(stop_timeout_s(worker))
    assert code == 0, f"{worker}: SIGTERM {boundary.name} ended with {code}\n{place.last_words()}"
    hidden = field.hidden(worker)
    assert hidden == 0, f"{worker}: {hidden} messages still invisible after SIGTERM {boundary.name}"
    place.start()
    field.settle()
    return field.account(scenario, 1, dead)


def copies(field: Field, scenario: str, *, count: int) -> Result:
    """The same message `count` times."""
    dead = field.dead()
    field.send(count)
    field.settle()
    return field.account(scenario, count - 1, dead)


def crowd(field: Field, scenario: str, *, workers: int, videos: int) -> Result:
    """`workers` of each kind on one queue, and every message twice."""
    dead = field.dead()
    with reinforced(field, workers - 1):
        for _ in range(videos):
            field.send(2)
        field.settle()
    return field.account(scenario, videos, dead)


def stop_timeout_s(worker: str) -> float:
    """TimeoutStopSec of the worker's unit."""
    unit = (PACKAGE_FOLDER / "systemd" / UNITS[worker]).read_text("utf-8")
    (line,) = [line for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    return float(line.partition("=")[2])


@contextmanager
def reinforced(field: Field, more: int) -> Iterator[None]:
    """`more` workers of each kind beside those that are there; stopped by SIGTERM at the end."""
    extra = [
        Supervised(name, place.environ, _folder(place, number))
        for name, place in field.workers.items()
        for number in range(more)
    ]
    try:
        for one in extra:
            one.start()
        yield
        codes = [one.stop() for one in extra]
        assert not any(codes), codes
    finally:
        for one in extra:
            one.end()


def _folder(place: Supervised, number: int) -> Path:
    folder = place.folder / f"more_{number}"
    folder.mkdir(exist_ok=True)
    return folder


def _await_strike(place: Supervised) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not place.has_struck():
        assert time.monotonic() < deadline_s, f"{place.worker} never came to its boundary:\n{place.last_words()}"
        time.sleep(LOOK_EVERY_S)

"""What the workers' own loggers say: to wait on, and as the lines that an operator would read."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from video_analysis.worker_utils import logs

PATIENCE_S = 300
LOOK_EVERY_S = 0.2


@dataclass
class Told(logging.Handler):
    """What the workers' own loggers say, for the test to wait on."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()

    __hash__ = object.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        with self._news:
            self.lines.append(record.getMessage())
            self._news.notify_all()

    def wait_for(self, wanted: Callable[[list[str]], bool]) -> None:
        """Looks again at each line, and a few times a second: what is wanted may be no line of theirs."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while not wanted(self.lines):
                assert time.monotonic() < deadline, self.lines[-20:]
                self._news.wait(LOOK_EVERY_S)


@contextmanager
def listening() -> Iterator[Told]:
    """Everything from INFO on, while the block lasts."""
    told = Told()
    with _attached(told, logging.INFO):
        yield told


@contextmanager
def written() -> Iterator[io.StringIO]:
    """The JSON lines, down to DEBUG, that are written while the block lasts."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLine())
    with _attached(handler, logging.DEBUG):
        yield stream


@contextmanager
def _attached(handler: logging.Handler, level: int) -> Iterator[None]:
    ours = logging.getLogger("video_analysis")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(level)
    try:
        yield
    finally:
        ours.setLevel(before)
        ours.removeHandler(handler)

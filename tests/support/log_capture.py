"""The log lines of the workers' own loggers: parsed, to wait on, and as text."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from video_analysis.worker_utils.observability import logs

PATIENCE_S = 300
LOOK_EVERY_S = 0.2


@dataclass
class LogCapture(logging.Handler):
    """Collects the log lines as parsed JSON."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.JsonLine())
        self._new_line = threading.Condition()

    __hash__ = object.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        with self._new_line:
            self.lines.append(json.loads(self.format(record)))
            self._new_line.notify_all()

    def count(self, event: str) -> int:
        """Number of lines with this event code so far."""
        return sum(line["event"] == event for line in self.lines)

    def wait_for(self, wanted: Callable[[], bool]) -> None:
        """Checks at each new line, and a few times per second: the condition may depend on something else."""
        deadline = time.monotonic() + PATIENCE_S
        with self._new_line:
            while not wanted():
                assert time.monotonic() < deadline, self.lines[-20:]
                self._new_line.wait(LOOK_EVERY_S)


@contextmanager
def capture_logs() -> Iterator[LogCapture]:
    """Capture lines from INFO on for the duration of the block."""
    capture = LogCapture()
    with _attached(capture, logging.INFO):
        yield capture


@contextmanager
def capture_json_lines() -> Iterator[io.StringIO]:
    """The JSON lines, down to DEBUG, that are capture_json_lines while the block lasts."""
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

"""The two workers as processes of their own, started as systemd would start them and stopped with SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULES = {
    "yolo_worker": "video_analysis.yolo_worker.run_poller",
    "main_worker": "video_analysis.main_worker.run_poller",
}
STOP_TIMEOUT_S = 60


@dataclass(frozen=True)
class Poller:
    """One running worker and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def events(self, event: str) -> list[dict[str, Any]]:
        """The log lines whose event is `event`, oldest first."""
        return [line for line in self._lines() if line["event"] == event]

    def start_under_way(self) -> str:
        """What it does before it takes its first message; nothing once it polls."""
        events = [line["event"] for line in self._lines()]
        if any(event.startswith("ready: polling") for event in events):
            return ""
        return f"{self.name}: {events[-1] if len(events) > 1 else 'starting'}"

    def failures(self) -> list[str]:
        """What it logged as an error, for a person."""
        return [f"{self.name}: {line['event']}" for line in self._lines() if line["level"] in ("ERROR", "CRITICAL")]

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The log so far; a line that is being written is not there yet."""
        for line in self.log.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("}\n"):
                yield json.loads(line)

    def last_words(self, count: int = 8) -> str:
        """The end of its log, for a person."""
        return "\n".join(self.log.read_text().splitlines()[-count:])

    def stop(self) -> int:
        """SIGTERM, and wait; its exit status (0 is a clean stop)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


def untouched() -> dict[str, str]:
    """This process's environment without what would point a worker anywhere else than `environ` says."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CVITX_", "AWS_"))}


@contextmanager
def running(name: str, environ: Mapping[str, str], folder: Path) -> Iterator[Poller]:
    """`python -m` the worker `name` with `environ` on top of this process's, logging to `folder`/<name>.log."""
    log = folder / f"{name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULES[name]],
            env=untouched() | dict(environ) | {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"},
            stderr=stream,
            stdout=stream,
        )
    try:
        yield Poller(name, process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def both(environ: Mapping[str, str], folder: Path) -> Iterator[list[Poller]]:
    """Both workers, side by side."""
    with ExitStack() as exits:
        yield [exits.enter_context(running(name, environ, folder)) for name in MODULES]

"""The two workers as processes, started as by systemd and stopped with SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

MODULES = {
    "yolo_worker": "video_analysis.yolo_worker.run_poller",
    "main_worker": "video_analysis.main_worker.run_poller",
}
USUALLY = {
    "worker.starting": "usually 5 s",
    "model.converting": "once on this machine, usually 5 to 15 s",
}
"""Log event → how long what it announces takes on two cores, for a person who waits."""
STOP_TIMEOUT_S = 60.0
SETTINGS = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Variables of every process. The second one writes the stacks of its threads when it is aborted."""
INTERRUPTED = 130
"""Exit status of a process that Ctrl-C ended, as in shells."""


@dataclass(frozen=True)
class WorkerProcess:
    """One running worker and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def events(self, event: str) -> list[dict[str, Any]]:
        """The log lines with this event code, oldest first."""
        return [line for line in lines(self.log) if line["event"] == event]

    def startup_status(self) -> str:
        """Its newest log message before it polls; empty once it polls."""
        logged = list(lines(self.log))
        if any(line["event"] == "consumer.ready" for line in logged):
            return ""
        usual = USUALLY.get(logged[-1]["event"] if logged else "worker.starting")
        step = logged[-1]["message"] if len(logged) > 1 else "starting"
        return f"{self.name}: {step} ({usual})" if usual else f"{self.name}: {step}"

    def failures(self) -> list[str]:
        """Its logged errors as text."""
        return [f"{self.name}: {line['message']}" for line in lines(self.log) if line["level"] in ("ERROR", "CRITICAL")]

    def log_tail(self, count: int = 8) -> str:
        """The last lines of its log."""
        return log_tail(self.log, count)

    def stop(self) -> int:
        """SIGTERM, and wait; its exit status (0 is a clean stop)."""
        return stop(self.process)


def lines(log: Path) -> Iterator[dict[str, Any]]:
    """The complete JSON lines of a log; an incomplete last line is left out."""
    for line in log.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("}\n"):
            yield json.loads(line)


def log_tail(log: Path, count: int = 8) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text("utf-8").splitlines()[-count:])


def launch(module: str, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Run `python -m` with `environ` in addition to this process's variables; its output replaces the file `log`."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=clean_environment() | SETTINGS | dict(environ),
            stdout=stream,
            stderr=stream,
        )


def run(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], log: Path, timeout_s: float | None = None
) -> int:
    """`launch`, and wait. Returns the exit status; TimeoutExpired after `timeout_s`, when the process is ended."""
    process = launch(module, arguments, environ, log)
    try:
        return process.wait(timeout_s)
    finally:
        end(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM, and wait; the exit status.

    A process that does not end in time is aborted.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return abort(process)


def abort(process: subprocess.Popen[bytes]) -> int:
    """End a process that hangs: its log then ends with the stacks of its Python threads. Returns the exit status."""
    process.send_signal(signal.SIGABRT)
    return process.wait()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process if it is running, and wait."""
    if process.poll() is None:
        process.kill()
        process.wait()


def clean_environment() -> dict[str, str]:
    """This process's environment without CVITX_ and AWS_ variables, which would change a worker's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CVITX_", "AWS_"))}


@contextmanager
def running(name: str, environ: Mapping[str, str], folder: Path, *command: str) -> Iterator[WorkerProcess]:
    """Run the worker `name` for the duration of the block, with `environ` added, logging to `folder`/<name>.log.

    `command` (a module and its arguments) runs instead of the worker's own module.
    """
    log = folder / f"{name}.log"
    module, *arguments = command or (MODULES[name],)
    process = launch(module, arguments, environ, log)
    try:
        yield WorkerProcess(name, process, log)
    finally:
        end(process)


@contextmanager
def both(environ: Mapping[str, str], folder: Path) -> Iterator[list[WorkerProcess]]:
    """Run both workers for the duration of the block."""
    with ExitStack() as exits:
        yield [exits.enter_context(running(name, environ, folder)) for name in MODULES]


def exit_on_signal() -> None:
    """Let SIGINT and SIGTERM raise SystemExit, so that with-blocks stop the processes that they started."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)

"""A supervised worker: started, killed, and restarted at once, as systemd would."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos.steps import Boundary

LAUNCHER = "video_analysis.tests.chaos.launcher"
POLL_EVERY_S = 0.05
STACKS = 100
"""Lines of a log that ends with the stacks of all threads."""
SETTLED = ("message.finished", "message.failed")
"""The events that end the work on a receive."""


@dataclass
class SupervisedWorker:
    """One worker, whose process may be restarted. Every start has its own log file."""

    worker: str
    environ: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    logs: list[Path] = field(default_factory=list)
    kills: int = 0

    def start(
        self,
        signal_at: Boundary | None = None,
        number: signal.Signals = signal.SIGKILL,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start a process, which sends itself signal `number` at `signal_at`; `settings` apply to this start only."""
        self.logs.append(self.folder / f"{self.worker}.{len(self.logs)}.log")
        environ = dict(self.environ) | dict(settings or {})
        environ |= {} if signal_at is None else {"CHAOS_AT": str(signal_at), "CHAOS_SIGNAL": str(int(number))}
        self.process = worker_process.launch(LAUNCHER, [self.worker], environ, self.logs[-1])

    def restart(
        self,
        signal_at: Boundary | None = None,
        number: signal.Signals = signal.SIGKILL,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`stop_cleanly`, then `start`."""
        self.stop_cleanly()
        self.start(signal_at, number, settings)

    @contextmanager
    def with_settings(self, settings: Mapping[str, str]) -> Iterator[None]:
        """Restart with additional settings, which apply to every start inside the block."""
        usual, self.environ = self.environ, {**self.environ, **settings}
        try:
            self.restart()
            yield
        finally:
            self.environ = usual
        self.restart()

    def revive(self) -> bool:
        """Restart the process if it was killed; returns whether it was. AssertionError for any other exit status."""
        code = self.running.poll()
        if code is None:
            return False
        assert code == -signal.SIGKILL, f"{self.worker} ended with {code}:\n{self.log_tail()}"
        self.kills += 1
        self.start()
        return True

    def kill(self) -> None:
        """kill -9, then restart."""
        if self.running.poll() is None:
            os.kill(self.running.pid, signal.SIGKILL)
        self.running.wait()
        self.revive()

    def has_injected(self) -> bool:
        """Whether a fault was injected into the running process."""
        return self.has_logged("fault.injected")

    def has_logged(self, event: str, error_code: str | None = None) -> bool:
        """Whether the running process has logged this event code (and error code, if given)."""
        return any(matches(line, event, error_code) for line in worker_process.lines(self.logs[-1]))

    def await_event(self, event: str, timeout_s: float, error_code: str | None = None) -> None:
        """Wait until `has_logged`. AssertionError if the process ends or `timeout_s` passes before."""
        deadline_s = time.monotonic() + timeout_s
        while not self.has_logged(event, error_code):
            wanted = f"{event} {error_code or ''}".strip()
            if time.monotonic() > deadline_s:
                worker_process.abort(self.running)
                raise AssertionError(f"{self.worker} never logged {wanted}:\n{self.log_tail(STACKS)}")
            if self.running.poll() is not None and not self.has_logged(event, error_code):
                raise AssertionError(f"{self.worker} ended before {wanted}:\n{self.log_tail()}")
            time.sleep(POLL_EVERY_S)

    def stop(self) -> int:
        """SIGTERM, and wait; the exit status. Waits for the first log line, before which there is no signal handler."""
        while self.running.poll() is None and not self.logs[-1].stat().st_size:
            time.sleep(POLL_EVERY_S)
        return worker_process.stop(self.running)

    def stop_cleanly(self) -> None:
        """SIGTERM, and wait. AssertionError unless the exit status is 0."""
        code = self.stop()
        assert code == 0, f"{self.worker}: SIGTERM ended with {code}\n{self.log_tail(STACKS)}"

    def end(self) -> None:
        """Kill the process, if any."""
        if self.process is not None:
            worker_process.end(self.process)

    def in_flight(self) -> set[str]:
        """Ids of messages that the running process has received and not settled."""
        return in_flight(worker_process.lines(self.logs[-1]))

    def log_tail(self, count: int = 8) -> str:
        """The end of the newest log."""
        return worker_process.log_tail(self.logs[-1], count)

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The current process, or the one that has just ended."""
        assert self.process is not None, f"{self.worker} was never started"
        return self.process


def in_flight(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of messages that the log lines show as received and not settled."""
    held: set[str] = set()
    for line in lines:
        if line["event"] == "message.received":
            held.add(line["message_id"])
        elif line["event"] in SETTLED:
            held.discard(line["message_id"])
    return held


def matches(line: Mapping[str, Any], event: str | None, error_code: str | None) -> bool:
    """Whether a log line has this event code and this error code; None matches every line."""
    return event in (None, line["event"]) and error_code in (None, line.get("error_code"))

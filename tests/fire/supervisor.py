"""A worker under fire: started, killed, and started again at once, as systemd would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from video_analysis.demo import pollers
from video_analysis.tests.fire.steps import Boundary

STOP_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.05


@dataclass
class Supervised:
    """One worker's place: a process most of the time. Every start logs to a file of its own."""

    worker: str
    environ: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    logs: list[Path] = field(default_factory=list)
    kills: int = 0

    def start(self, strike_at: Boundary | None = None, number: signal.Signals = signal.SIGKILL) -> None:
        """A new process, which sends itself a signal at `strike_at`."""
        self.logs.append(self.folder / f"{self.worker}.{len(self.logs)}.log")
        environ = pollers.untouched() | dict(self.environ) | {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}
        environ |= {} if strike_at is None else {"FIRE_AT": str(strike_at), "FIRE_SIGNAL": str(int(number))}
        with self.logs[-1].open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "video_analysis.tests.fire.launcher", self.worker],
                env=environ,
                stdout=stream,
                stderr=stream,
            )

    def revive(self) -> bool:
        """Start it again where it was killed: True. Any other end is a fault of its own: AssertionError."""
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return False
        assert code == -signal.SIGKILL, f"{self.worker} ended with {code}:\n{self.last_words()}"
        self.kills += 1
        self.start()
        return True

    def kill(self) -> None:
        """kill -9, and start again."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.revive()

    def has_struck(self) -> bool:
        """Whether the process of now has reached its boundary."""
        return any(line["event"] == "struck" for line in events(self.logs[-1]))

    def stop(self) -> int:
        """SIGTERM, and wait; its exit status. Before its first line of log a process cannot answer: that is awaited."""
        assert self.process is not None
        while self.process.poll() is None and not self.logs[-1].stat().st_size:
            time.sleep(LOOK_EVERY_S)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def end(self) -> None:
        """Whatever it does, it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def in_hand(self) -> set[str]:
        """Message ids that the process of now has received and not settled."""
        held: set[str] = set()
        for line in events(self.logs[-1]):
            if line["event"] == "received":
                held.add(line["message_id"])
            elif line["event"] == "finished" or "verdict" in line:
                held.discard(line["message_id"])
        return held

    def last_words(self) -> str:
        """The end of the last log, for a person."""
        return "\n".join(self.logs[-1].read_text("utf-8").splitlines()[-8:])


def events(log: Path) -> Iterator[dict[str, Any]]:
    """The JSON lines of a log; the last one may have been cut by a kill."""
    for line in log.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("}\n"):
            yield json.loads(line)

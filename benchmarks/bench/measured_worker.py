"""A worker process under measurement; times are taken from its log lines."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.bench.processes import NotMeasured, cpu_s, peak_rss_mb
from video_analysis.devstack import worker_process
from video_analysis.devstack.worker_process import WorkerProcess

TIMEOUT_S = 300.0
POLL_EVERY_S = 0.05
ABLATION_WORKER = "video_analysis.benchmarks.bench.ablation_worker"
Line = dict[str, Any]


class MeasuredWorker:
    """A running worker that polls. Each line of its log is read once."""

    def __init__(self, worker: WorkerProcess, launched_s: float) -> None:
        self._worker = worker
        self._read_bytes = 0
        self._lines: dict[tuple[str, str | None], list[Line]] = defaultdict(list)
        self._ready_s = 0.0
        self.until(lambda: self._ready_s > 0)
        self.startup_s = self._ready_s - launched_s
        """From the launch of the process to its first poll."""

    @property
    def rss_mb(self) -> float:
        """Peak resident size."""
        return peak_rss_mb(self._worker.process.pid)

    @property
    def cpu_s(self) -> float:
        """CPU-seconds so far."""
        return cpu_s(self._worker.process.pid)

    def of_video(self, event: str, video_id: str) -> Sequence[Line]:
        """Its log lines with this event and video, oldest first."""
        return self._lines[event, video_id]

    def until(self, condition: Callable[[], bool]) -> None:
        """Follow the log until `condition` holds. NotMeasured if the worker ends, fails, or takes too long."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            self._read()
            if condition():
                return
            if self._worker.process.poll() is not None:
                raise NotMeasured(f"{self._worker.name} ended; the end of its log: {self._worker.log_tail(1)}")
            time.sleep(POLL_EVERY_S)  # a log file cannot be waited on
        raise NotMeasured(f"{self._worker.name}: no result within {TIMEOUT_S:g} s")

    def _read(self) -> None:
        with self._worker.log.open("rb") as log:
            log.seek(self._read_bytes)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in (json.loads(line) for line in whole.splitlines() if line.startswith(b"{")):
            self._record(line)

    def _record(self, line: Line) -> None:
        if line["level"] in ("ERROR", "CRITICAL") or line["event"] == "message.failed":
            raise NotMeasured(f"{self._worker.name}: {line['message']}")
        if line["event"] == "consumer.ready":
            self._ready_s = instant_s(line)
        self._lines[line["event"], line.get("video_id")].append(line)


def instant_s(line: Mapping[str, Any]) -> float:
    """When a line was written, in seconds since 1970."""
    return datetime.fromisoformat(line["time"]).timestamp()


@contextmanager
def worker(name: str, environ: Mapping[str, str], folder: Path, without: str | None = None) -> Iterator[MeasuredWorker]:
    """A worker from its launch to SIGTERM, once it polls; `without` one of the ABLATIONS of ablation_worker."""
    command = () if without is None else (ABLATION_WORKER, without)
    launched_s = time.time()
    with worker_process.running(name, environ, folder, *command) as running:
        yield MeasuredWorker(running, launched_s)
        running.stop()

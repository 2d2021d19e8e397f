"""Parts of the benchmark as separate processes, and resource figures of processes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from video_analysis.devstack import worker_process

PACKAGE = "video_analysis.benchmarks"
TIMEOUT_S = 600.0
NOTHING: Mapping[str, str] = MappingProxyType({})
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class NotMeasured(Exception):
    """A part of the benchmark has no result; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Paths of a run of the benchmark."""

    folder: Path
    weights: Path
    """The detector for real clips."""
    data: Path
    """Folder of real clips and sequences; may be missing."""

    @property
    def cache(self) -> Path:
        """Converted networks."""
        return self.folder / "cache"

    def run_json(self, module: str, arguments: Sequence[object], environ: Mapping[str, str] = NOTHING) -> Any:
        """Run one of the benchmarks' modules; returns the JSON of its --out."""
        out = self.folder / "report.json"
        self.run(module, [*arguments, "--cache", self.cache, "--out", out], environ)
        return json.loads(out.read_text("utf-8"))

    def run(self, module: str, arguments: Sequence[object], environ: Mapping[str, str] = NOTHING) -> None:
        """Run one of the benchmarks' modules with `python -m`. NotMeasured if it fails."""
        log = self.folder / f"{module}.log"
        try:
            code = worker_process.run(f"{PACKAGE}.{module}", [*map(str, arguments)], environ, log, TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"{module} took longer than {TIMEOUT_S:g} s; its log is {log}") from None
        if code:
            raise NotMeasured(f"{module} ended with {code}; {log} ends with: {worker_process.log_tail(log, 1)}")


def peak_rss_mb(pid: int) -> float:
    """Peak resident size of a running process (VmHWM), in 10⁶ bytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (kib,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return kib * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """CPU-seconds of a running process, all threads together."""
    after_the_name = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return sum(map(int, after_the_name[11:13])) / TICKS_A_SECOND  # utime, stime (proc(5))


def busy_s() -> tuple[float, float]:
    """CPU-seconds of the cores that this process may use: busy, and stolen by the hypervisor."""
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = [list(map(int, line.split()[1:9])) for line in _lines("/proc/stat") if line.split()[0] in ours]
    user, nice, system, _idle, _waiting, *interrupts, stolen = map(sum, zip(*rows, strict=True))
    return (user + nice + system + sum(interrupts)) / TICKS_A_SECOND, stolen / TICKS_A_SECOND


def machine() -> dict[str, Any]:
    """CPU, cores and load of this machine; other load makes the figures useless."""
    cpus = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cpu": cpus[0] if cpus else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()

"""What a process holds: memory, open files, threads, and files in its temporary folder; over time, and what it grew."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FIRST_S = 300.0
"""Growth is counted from the end of a run's first minutes: caches and allocators fill until then."""
KB = 1024


@dataclass(frozen=True, slots=True)
class Gauge:
    """One look at a process."""

    at_s: float
    """Since the run began."""
    rss_mb: float
    open_files: int
    threads: int
    temp_files: int


def read_gauge(pid: int, temp_dir: Path, at_s: float) -> Gauge:
    """Read /proc. FileNotFoundError where the process is gone."""
    process = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text("utf-8").splitlines())
    return Gauge(
        at_s,
        round(int(status["VmRSS"].split()[0]) / KB, 1),
        sum(1 for _ in (process / "fd").iterdir()),
        int(status["Threads"]),
        sum(path.is_file() for path in temp_dir.rglob("*")),
    )


def growth(gauges: Sequence[Gauge]) -> dict[str, float]:
    """How much each figure grew from the first five minutes (a tenth of a shorter run) to the last such stretch.

    Of medians, so that one frame's peak is no growth: `rss_growth` as a share of what it was, the others in numbers.
    """
    stretch_s = min(FIRST_S, gauges[-1].at_s / 10)
    first = [gauge for gauge in gauges if stretch_s <= gauge.at_s <= 2 * stretch_s] or gauges[:1]
    last = [gauge for gauge in gauges if gauge.at_s >= gauges[-1].at_s - stretch_s]
    before, after = (
        {name: statistics.median(getattr(one, name) for one in part) for name in ("rss_mb", *COUNTS)}
        for part in (first, last)
    )
    counts = {f"{name}_growth": after[name] - before[name] for name in COUNTS}
    return {"rss_growth": round(after["rss_mb"] / before["rss_mb"] - 1, 4), **counts}


COUNTS = ("open_files", "threads", "temp_files")

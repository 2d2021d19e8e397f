"""Resources of a process over time: memory, open files, threads, temporary files; and their growth."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FIRST_S = 300.0
"""Growth is measured after this time, since caches and allocators fill at first."""
KB = 1024


@dataclass(frozen=True, slots=True)
class Gauge:
    """One sample of a process."""

    at_s: float
    """Since the start of the run."""
    rss_mb: float
    open_files: int
    threads: int
    temp_files: int


def read_gauge(pid: int, temp_dir: Path, at_s: float) -> Gauge:
    """Sample a process through /proc. FileNotFoundError if it has ended."""
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
    """Growth of each figure from the first to the last five minutes (a tenth of a shorter run), after a warm-up.

    Medians are compared, so that single peaks do not count. `rss_growth` is a share, the others are counts.
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

"""Resources of a process over time: memory, open files, threads, temporary files; their growth, and what grew."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path
from typing import TypeVar

FIRST_S = 300.0
"""Growth is measured after this time, since caches and allocators fill at first."""
KB = 1024
COUNTS = ("open_files", "threads", "temp_files")
MEMORY = ("rss_mb", "anonymous_mb")
LIMITS = {"rss_growth": 0.1, "open_files_growth": 0, "threads_growth": 0, "temp_files_growth": 0}
HOUR_S = 3600
NUMBER = re.compile(r"\d+")
Sample = TypeVar("Sample", "Gauge", "Inventory")


@dataclass(frozen=True, slots=True)
class Gauge:
    """One sample of a process."""

    at_s: float
    """Since the start of the run."""
    rss_mb: float
    anonymous_mb: float
    """The part of `rss_mb` that is no mapped file: heaps and stacks."""
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
        round(int(status["RssAnon"].split()[0]) / KB, 1),
        sum(1 for _ in (process / "fd").iterdir()),
        int(status["Threads"]),
        sum(path.is_file() for path in temp_dir.rglob("*")),
    )


def growth(gauges: Sequence[Gauge]) -> dict[str, float]:
    """Growth of each figure from the first to the last five minutes (a tenth of a shorter run), after a warm-up.

    Medians are compared, so that single peaks do not count. `rss_growth` is a share, the others are counts.
    """
    first, last = _stretches(gauges)
    before, after = (
        {name: statistics.median(getattr(one, name) for one in part) for name in (*MEMORY, *COUNTS)}
        for part in (first, last)
    )
    counts = {f"{name}_growth": after[name] - before[name] for name in COUNTS}
    memory = {f"{name.removesuffix('_mb')}_growth": round(after[name] / before[name] - 1, 4) for name in MEMORY}
    return {**memory, **counts}


def _stretches(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The samples of the first and of the last five minutes (a tenth of a shorter run), after a warm-up."""
    stretch_s = min(FIRST_S, samples[-1].at_s / 10)
    first = [sample for sample in samples if stretch_s <= sample.at_s <= 2 * stretch_s] or samples[:1]
    return first, [sample for sample in samples if sample.at_s >= samples[-1].at_s - stretch_s]


def mb_per_hour(gauges: Sequence[Gauge]) -> dict[str, float]:
    """Slope of the resident memory in the first and in the second half of the run, by least squares.

    A cache or an allocator fills in the first half only; a leak continues in the second one.
    """
    middle_s = gauges[-1].at_s / 2
    halves = {
        "first_half": [gauge for gauge in gauges if gauge.at_s <= middle_s],
        "second_half": [gauge for gauge in gauges if gauge.at_s > middle_s],
    }
    return {name: round(_slope(part) * HOUR_S, 2) for name, part in halves.items()}


def _slope(gauges: Sequence[Gauge]) -> float:
    """MB per second."""
    times, sizes = [gauge.at_s for gauge in gauges], [gauge.rss_mb for gauge in gauges]
    return statistics.linear_regression(times, sizes).slope if len(set(times)) > 1 else 0.0


def exceeded(report: Mapping[str, float]) -> list[str]:
    """The growths of a report that are above their limits."""
    return [name for name, limit in LIMITS.items() if report[name] > limit]


@dataclass(frozen=True)
class Inventory:
    """What a process has open at one moment, by name; numbers in names are replaced by N."""

    at_s: float
    names: Mapping[str, Counter[str]]
    """Kind (files, threads, temp_files) → names."""


def grew(inventories: Sequence[Inventory]) -> dict[str, dict[str, int]]:
    """What is in all inventories of the last stretch, see `growth`, and in none of the first."""
    first, last = _stretches(inventories)
    return {
        kind: dict(reduce(and_, (one.names[kind] for one in last)) - reduce(or_, (one.names[kind] for one in first)))
        for kind in inventories[0].names
    }


def inventory(pid: int, temp_dir: Path, at_s: float) -> Inventory:
    """What a process has open now. What vanishes during the call is left out."""
    process = Path("/proc") / str(pid)
    files = Counter(NUMBER.sub("N", target) for one in (process / "fd").iterdir() if (target := _target(one)))
    threads = Counter(NUMBER.sub("N", name) for one in (process / "task").iterdir() if (name := _text(one / "comm")))
    temp_files = Counter(path.name for path in temp_dir.rglob("*") if path.is_file())
    return Inventory(at_s, {"files": files, "threads": threads, "temp_files": temp_files})


def _target(descriptor: Path) -> str:
    with suppress(OSError):
        return str(descriptor.readlink())
    return ""


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8").strip()
    return ""

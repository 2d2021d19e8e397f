"""Results of many malformed inputs: counts per family, and the violations."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from video_analysis.tests.chaos.bad_sandbox import ReadResult
from video_analysis.tests.chaos.environment import Result

LONGEST_REASON = 450
MOST_REASONS = 12
_INTERNALS = re.compile(r"\b0x[0-9a-f]{6}|Traceback|Errno|[A-Z]\w+(Error|Exception)\b|\bNone\b|/tmp/")


@dataclass
class _Line:
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0
    peak_mb: int = 0


@dataclass
class Tally:
    """Counts per family, with limits on memory and time."""

    most_mb: int
    longest_s: float
    must_be_refused: frozenset[str] = frozenset()
    """Families of which every member must be refused."""
    lines: dict[str, _Line] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def add(self, family: str, reading: ReadResult) -> None:
        """Count one result."""
        line = self.lines.setdefault(family, _Line())
        line.outcomes[reading.outcome] += 1
        line.reasons[re.sub(r"\d+", "N", reading.reason)] += 1
        line.longest_s = max(line.longest_s, reading.seconds)
        line.peak_mb = max(line.peak_mb, reading.peak_mb)
        fault = self._fault(family, reading)
        if fault:
            self.violations.append(f"{family}: {fault}: {reading}")

    def result(self, scenario: str) -> Result:
        """The violations, counted as `divergent`; the first three are the text of the failure."""
        tried = sum(line.outcomes.total() for line in self.lines.values())
        failure = "; ".join(self.violations[:3]) or None
        return Result(scenario, tried, tried, 0, 0, len(self.violations), 0, 0, failure)

    def write(self, path: Path) -> None:
        """Write a table of the families with their most frequent reasons; digits are replaced by N."""
        lines = [f"{'family':<28}{'count':>6}{'read':>6}{'refused':>8}{'longest s':>10}{'peak MB':>8}"]
        for family, line in sorted(self.lines.items()):
            outcomes = line.outcomes
            counts = f"{outcomes.total():>6}{outcomes['read']:>6}{outcomes['refused']:>8}"
            lines.append(f"{family:<28}{counts}{line.longest_s:>10.2f}{line.peak_mb:>8}")
            lines += [f"    {count:>5} × {reason}" for reason, count in line.reasons.most_common(MOST_REASONS)]
        path.write_text("\n".join([*lines, *self.violations[:MOST_REASONS]]) + "\n", "utf-8")

    def _fault(self, family: str, reading: ReadResult) -> str | None:
        if reading.outcome not in ("read", "refused"):
            return "neither read nor refused"
        if reading.peak_mb > self.most_mb:
            return f"more than {self.most_mb} MB"
        if reading.seconds > self.longest_s:
            return f"more than {self.longest_s:.0f} s"
        if reading.outcome == "read":
            return "must be refused" if family in self.must_be_refused else None
        return None if is_readable(reading.reason) else "a reason that an operator cannot read"


def is_readable(reason: str) -> bool:
    """Whether a reason is one short printable line without exception names, addresses and paths."""
    internals = _INTERNALS.search(reason)
    return bool(reason.strip()) and len(reason) <= LONGEST_REASON and reason.isprintable() and internals is None

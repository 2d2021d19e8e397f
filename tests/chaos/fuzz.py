"""Fuzzing: mutated videos, each read in a child process: python -m video_analysis.tests.chaos.fuzz --seconds 1800.

Every mutant is derived from the seed and its number alone. A fault is a crash, a hang, an exception outside the failure
taxonomy, memory or time beyond the limits, a file left open, or memory that grows while one mutant is read repeatedly.
The mutants with faults are kept in the folder of the report.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from pathlib import Path

from video_analysis.tests.chaos import fuzz_seeds, mutations
from video_analysis.tests.chaos.bad_sandbox import ReadResult, Sandbox, sandbox
from video_analysis.tests.chaos.bad_tally import is_readable
from video_analysis.tests.chaos.bad_videos import LONGEST_S, MOST_MB
from video_analysis.tests.chaos.environment import SHARED
from video_analysis.worker_config import PACKAGE_FOLDER

HANG_S = 120.0
REPEATED_EVERY = 40
"""Every so many mutants one is read repeatedly in one process."""
REPEAT_HANG_S = 900.0
LARGEST_REPEATED_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutated file."""

    number: int
    source: str
    """Names of the seeds."""
    mutation: str
    content: bytes


@dataclass(slots=True)
class Report:
    """Counts, and the faults with the numbers of their mutants."""

    seed: int
    mutants: int = 0
    repeated: int = 0
    """Mutants that were also read repeatedly."""
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    """Error codes of the refusals."""
    peak_mb: int = 0
    longest_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    def add(self, mutant: Mutant, reading: ReadResult) -> str | None:
        """Count one result; the fault, if any."""
        self.mutants += 1
        self.outcomes[reading.outcome] += 1
        self.mutations[mutant.mutation] += 1
        self.sources[mutant.source] += 1
        self.codes.update([reading.code] if reading.code else [])
        self.peak_mb = max(self.peak_mb, reading.peak_mb)
        self.longest_s = max(self.longest_s, reading.seconds)
        return self._noted(mutant, reading, _fault(reading))

    def add_repeated(self, mutant: Mutant, reading: ReadResult) -> str | None:
        """Count one mutant that was read repeatedly."""
        self.repeated += 1
        return self._noted(mutant, reading, None if reading.outcome == "read" else "read repeatedly")

    def document(self) -> dict[str, object]:
        """For JSON; `asdict` does not copy counters."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def _noted(self, mutant: Mutant, reading: ReadResult, fault: str | None) -> str | None:
        if fault:
            self.faults.append(f"{mutant.number} {mutant.source} {mutant.mutation}: {fault}: {reading}")
        return fault


def mutants(seeds: dict[str, bytes], seed: int, first: int = 0) -> Iterator[Mutant]:
    """Without end. The same seeds, seed and number give the same mutant."""
    names = sorted(seeds)
    for number in count(first):
        rng = random.Random(f"{seed}:{number}")
        source = names[number % len(names)]
        content, done = seeds[source], []
        if rng.random() < 0.12:
            other = rng.choice(names)
            content, done = mutations.splice(content, seeds[other], rng), ["splice"]
        for kind in rng.choices(sorted(mutations.BYTES), k=rng.choice([1, 1, 1, 2, 3]) - len(done)):
            content = mutations.BYTES[kind](content or b"\0", rng)
            done.append(kind)
        yield Mutant(number, source, "+".join(done) or "none", content)


def run(
    mutated: Iterator[Mutant], report: Report, folder: Path, kept: Path | None = None, *, until_s: float | None = None
) -> Report:
    """Read the mutants until there are none left, or until the time of `time.monotonic`."""
    begun_s, scratch = time.monotonic(), folder / "scratch"
    scratch.mkdir(exist_ok=True)
    with sandbox("video", scratch, HANG_S) as once, sandbox("repeated video", scratch, REPEAT_HANG_S) as repeatedly:
        for mutant in mutated:
            path = folder / "mutant.mp4"
            path.write_bytes(mutant.content)
            fault = report.add(mutant, once.read(path)) or _repeated(mutant, path, report, repeatedly)
            if fault and kept:
                (kept / f"{report.seed}_{mutant.number}.mp4").write_bytes(mutant.content)
            report.seconds = time.monotonic() - begun_s
            if until_s is not None and time.monotonic() >= until_s:
                break
    return report


def _repeated(mutant: Mutant, path: Path, report: Report, reader: Sandbox) -> str | None:
    if mutant.number % REPEATED_EVERY or len(mutant.content) > LARGEST_REPEATED_BYTES:
        return None
    return report.add_repeated(mutant, reader.read(path))


def _fault(reading: ReadResult) -> str | None:
    if reading.outcome not in ("read", "refused"):
        return reading.outcome
    if reading.peak_mb > MOST_MB:
        return f"more than {MOST_MB} MB"
    if reading.seconds > LONGEST_S:
        return f"more than {LONGEST_S:.0f} s"
    is_clear = reading.outcome == "read" or is_readable(reading.reason)
    return None if is_clear else "a reason that an operator cannot read"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 without a fault, 1 with one."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.tests.chaos.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "fuzz")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    report = Report(options.seed)
    with tempfile.TemporaryDirectory(prefix="cvitx-fuzz-") as name:
        seeds = fuzz_seeds.all_of(Path(name), SHARED)
        print(f"{len(seeds)} seeds: {', '.join(sorted(seeds))}", flush=True)
        until_s = time.monotonic() + options.seconds
        run(mutants(seeds, options.seed, options.first), report, Path(name), options.out, until_s=until_s)
    options.out.with_suffix(".json").write_text(json.dumps(report.document(), indent=2) + "\n", "utf-8")
    print(f"{report.mutants} mutants, {report.repeated} of them repeatedly, in {report.seconds:.0f} s")
    print(f"{dict(report.outcomes)}, at most {report.peak_mb} MB and {report.longest_s:.1f} s per file")
    print(f"{len(report.faults)} faults", *report.faults, sep="\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())

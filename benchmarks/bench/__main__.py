"""Measure how fast both workers are: `make bench`, or python -m video_analysis.benchmarks.bench --help.

Prints progress and a table, and writes out/bench.json: medians at the top, all samples below. Any other load on the
machine makes the figures worthless.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.benchmarks.bench import report
from video_analysis.benchmarks.bench.plan import FULL, SHORT
from video_analysis.benchmarks.bench.processes import Bench, NotMeasured, machine
from video_analysis.benchmarks.bench.sections import SECTIONS, Sections
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.demo import weights
from video_analysis.devstack import local_stack, worker_process
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.errors import WorkerError

OUT = PACKAGE_FOLDER / "out"
IDLE_LOAD = 0.5
NOT_MEASURED = (NotMeasured, WorkerError, psycopg2.Error, BotoCoreError, ClientError, cv2.error)
"""Errors of one section after which the other sections still run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every section was measured, 1 if one could not be, 2 if the benchmark cannot start."""
    options = _options(arguments)
    if missing := [path for path in (options.weights, weights.DETECTOR, weights.BASELINE) if not path.is_file()]:
        print(f"{', '.join(map(str, missing))}: not found; give --weights, or run `make train`", file=sys.stderr)
        return 2
    try:
        options.cache.mkdir(parents=True, exist_ok=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"--cache or --out: {error}; use a writable folder", file=sys.stderr)
        return 2
    worker_process.exit_on_signal()
    bench = Bench(options.cache.resolve(), options.weights.resolve(), options.data.resolve())
    try:
        return 1 if _measure(bench, options) else 0
    except (RuntimeError, OSError) as error:
        print(f"make bench failed: {error}", file=sys.stderr)
        return 2


def _measure(bench: Bench, options: argparse.Namespace) -> Mapping[str, str]:
    begun_s = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun_s:4.0f} s] {line}", flush=True)

    facts: dict[str, Any] = machine() | {"plan": "short" if options.short else "full"}
    if facts["load_before"] > IDLE_LOAD:
        say(f"the machine is not idle (load {facts['load_before']:.1f}): the figures will be too low")
    parts: dict[str, Any] = {}
    failures: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-bench-", ignore_cleanup_errors=True) as folder,
        local_stack.started(Path(folder), WorkerConfig(), {}) as environment,
    ):
        sections = Sections(bench, SHORT if options.short else FULL, environment, say)
        for name in options.only:
            say(f"section {name}")
            _attempt(name, sections.run, parts, failures)
            facts |= {"load_after": os.getloadavg()[0], "seconds": round(time.monotonic() - begun_s)}
            document = report.document(parts, facts, failures)
            options.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{report.table(document)}\n{options.out}: written after {facts['seconds']} s")
    return failures


def _attempt(
    name: str, run: Callable[[str], Mapping[str, Any]], parts: dict[str, Any], failures: dict[str, str]
) -> None:
    """Run one section; a failure is recorded and does not stop the other sections."""
    try:
        parts.update(run(name))
    except NOT_MEASURED as error:
        failures[name] = str(error) or type(error).__name__
        print(f"{name}: {error}", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m video_analysis.benchmarks.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    coco = DATA / COCO_WEIGHTS
    parser.add_argument(
        "--weights",
        type=Path,
        default=coco if coco.is_file() else weights.DETECTOR,
        help="detector for real clips and the headline figures",
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of real clips and sequences, if any")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="PART", help=", ".join(SECTIONS)
    )
    parser.add_argument("--short", action="store_true", help="a few frames of each section, as a functional test")
    parser.add_argument("--cache", type=Path, default=OUT / "bench", help="folder for clips, networks and logs")
    parser.add_argument("--out", type=Path, default=OUT / "bench.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

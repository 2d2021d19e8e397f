"""`make chaos`: inject faults into real worker processes; prints a table and writes out/chaos.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos import environment, parallel
from video_analysis.tests.chaos.environment import Result
from video_analysis.tests.chaos.suite import Suite
from video_analysis.worker_config import PACKAGE_FOLDER

RANDOM_KILLS = 200
PARALLEL = 2
WIDTH = 112


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios. 0 if every scenario is clean, 1 if not, 2 if a file is missing."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=RANDOM_KILLS, help=f"at random times (default {RANDOM_KILLS})")
    parser.add_argument("--only", default="", help="run only scenarios whose name contains this text")
    parser.add_argument("--parallel", type=int, default=PARALLEL, help=f"environments at a time (default {PARALLEL})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "chaos")
    options = parser.parse_args(arguments)
    missing = [path for path in (environment.CLIP, environment.WEIGHTS) if not path.is_file()]
    if missing:
        print(f"make chaos needs {' and '.join(map(str, missing))}", file=sys.stderr)
        return 2
    suite = Suite(options.kills, options.seed, options.only)
    wanted = len(suite.scenarios())
    if not wanted:
        parser.error(f"no scenario has {options.only!r} in its name")
    options.out.mkdir(parents=True, exist_ok=True)
    print(
        f"{'scenario':<{WIDTH}}{'runs':>5}{'faults':>7}{'lost':>5}{'twice':>6}{'other':>6}{'left':>5}{'dead':>5}{'s':>6}"
    )
    begun_s = time.monotonic()
    results: dict[int, Result] = {}
    with closing(parallel.run(suite, min(options.parallel, wanted), options.out)) as ended:
        for number, result, seconds in ended:
            results[number] = result
            print(_line(result, seconds), flush=True)
            in_order = [results[place] for place in sorted(results)]
            _write(options.out.with_suffix(".json"), in_order, wanted, options.only)
    print(f"{len(results)} scenarios in {(time.monotonic() - begun_s) / 60:.0f} minutes: {options.out}.json")
    return 0 if all(result.is_clean for result in results.values()) else 1


def _write(path: Path, results: Sequence[Result], wanted: int, only: str) -> None:
    document = {
        "complete": len(results) == wanted and not only,
        "clean": all(result.is_clean for result in results),
        "scenarios": [asdict(one) for one in results],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _line(result: Result, took_s: float) -> str:
    numbers = [result.lost, result.duplicated, result.divergent, result.left_in_queue, result.wrong_in_dlq]
    cells = "".join(f"{number:>{width}}" for number, width in zip(numbers, (5, 6, 6, 5, 5), strict=True))
    end = "" if result.is_clean else f"  FAILED {result.failure or ''}"
    return f"{result.scenario:<{WIDTH}}{result.runs:>5}{result.faults:>7}{cells}{took_s:>6.0f}{end}"


if __name__ == "__main__":
    worker_process.exit_on_signal()
    sys.exit(main())

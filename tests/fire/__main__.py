"""`make fire`: everything that can go wrong, done to real processes; a table, and out/fire.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from video_analysis.tests.fire import field, kills
from video_analysis.tests.fire.field import Field, Result
from video_analysis.tests.fire.steps import boundaries
from video_analysis.worker_config import PACKAGE_FOLDER

RANDOM_KILLS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; 0 when nothing was lost, doubled or otherwise."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.tests.fire", description=__doc__)
    parser.add_argument("--kills", type=int, default=RANDOM_KILLS, help=f"at random instants (default {RANDOM_KILLS})")
    parser.add_argument("--only", default="", help="scenarios whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "fire")
    options = parser.parse_args(arguments)
    missing = [path for path in (field.CLIP, field.WEIGHTS) if not path.is_file()]
    if missing:
        print(f"make fire needs {' and '.join(map(str, missing))}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{'scenario':<64}{'runs':>5}{'faults':>7}{'lost':>5}{'twice':>6}{'other':>6}{'left':>5}{'dead':>5}{'s':>6}")
    results = []
    with field.prepared(options.out) as prepared:
        for name, scenario in _scenarios(options.kills, options.seed):
            if options.only in name:
                begun_s = time.monotonic()
                results.append(scenario(prepared, name))
                print(_line(results[-1], time.monotonic() - begun_s), flush=True)
    document = {"clean": all(result.is_clean for result in results), "scenarios": [asdict(one) for one in results]}
    options.out.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0 if document["clean"] else 1


def _line(result: Result, took_s: float) -> str:
    numbers = [result.lost, result.duplicated, result.divergent, result.left_in_queue, result.wrong_in_dlq]
    cells = "".join(f"{number:>{width}}" for number, width in zip(numbers, (5, 6, 6, 5, 5), strict=True))
    return f"{result.scenario:<64}{result.runs:>5}{result.faults:>7}{cells}{took_s:>6.0f}"


def _scenarios(random_kills: int, seed: int) -> Iterator[tuple[str, Callable[[Field, str], Result]]]:
    """Each by its name, and how to run it."""
    for worker in field.WORKERS:
        for boundary in boundaries(worker):
            name = f"kill -9 {worker} {boundary.name}"
            yield name, partial(kills.at_boundary, worker=worker, boundary=boundary)
    yield "kill -9 at random instants", partial(kills.at_random, kills=random_kills, seed=seed)


if __name__ == "__main__":
    sys.exit(main())

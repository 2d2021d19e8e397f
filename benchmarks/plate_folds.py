"""Cross-validation of the plate formats by country: python -m video_analysis.benchmarks.plate_folds --help.

The reader is that of the worker, for Philippine plates; the photographs are of other countries (shared/data/plates/eu).
Each fold is a country. It is read without any format of other countries, with those of all countries but its own,
without any format of its pattern, and with all. O and 0, I and 1 count as equal, as in the truth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from video_analysis.benchmarks.plates import PHOTOGRAPHED, Case, photographs, without_twins
from video_analysis.benchmarks.real_data import DATA
from video_analysis.main_worker.attributes.plate import REMEDY, PlateReader
from video_analysis.main_worker.attributes.plate_formats import FORMATS, Formats
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.inference import backend

HOME = "PH"
OTHERS = "other"
"""Fold of the plates that fit no format of the photographed countries."""


def fold_of(text: str) -> str:
    """The country of a plate by its format."""
    found = (country for country in PHOTOGRAPHED if any(fits(text, pattern) for pattern in FORMATS[country]))
    return next(found, OTHERS)


def fits(text: str, pattern: str) -> bool:
    """Whether a text has the form of `pattern`; O and I may stand for digits."""
    digits, letters = "0123456789OI", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    same_length = len(text) == len(pattern)
    pairs = zip(text, pattern, strict=False)
    return same_length and all(sign in (digits if kind == "D" else letters) for sign, kind in pairs)


def settings(fold: str) -> Mapping[str, Formats]:
    """The formats of each column, for the pictures of a fold."""
    own = FORMATS.get(fold, ())
    return {
        "before": {HOME: FORMATS[HOME]},
        "without its country": {country: some for country, some in FORMATS.items() if country != fold},
        "without its formats": {
            country: [one for one in some if country == HOME or one not in own] for country, some in FORMATS.items()
        },
        "all": FORMATS,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and write it as JSON; 2 if the optional part or the photographs are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, default=DATA / "plates" / "eu")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "plate_folds.json")
    options = parser.parse_args(arguments)
    cases = list(photographs(options.photographs))
    runtime = backend.configured(WorkerConfig(device="openvino", threads=1))
    if not cases or PlateReader.load(runtime) is None:
        sys.stderr.write(f"no photographs in {options.photographs}, or nothing to read plates with: {REMEDY}\n")
        return 2
    found: dict[str, dict[str, dict[str, int]]] = {}
    for fold in sorted({fold_of(case.truth) for case in cases}):
        members = [case for case in cases if fold_of(case.truth) == fold]
        found[fold] = {name: counts(members, formats, runtime) for name, formats in settings(fold).items()}
        for name, of in found[fold].items():
            print(f"{fold:<8}{name:<22}" + "  ".join(f"{key} {value}" for key, value in of.items()), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def counts(cases: Sequence[Case], formats: Formats, runtime: backend.Runtime) -> dict[str, int]:
    """Pictures, plates that are read, right ones, and right best guesses; O and 0, I and 1 count as equal."""
    reader = PlateReader.load(runtime, (HOME,), formats)
    seen = [] if reader is None else [(case.truth, reader.read(case.picture)) for case in cases]
    named = [(truth, one.plate.text) for truth, one in seen if one.plate is not None]
    right = sum(without_twins(text) == without_twins(truth) for truth, text in named)
    best = sum(one.best is not None and without_twins(one.best.text) == without_twins(truth) for truth, one in seen)
    return {"pictures": len(cases), "read": len(named), "right": right, "best guess right": best}


if __name__ == "__main__":
    sys.exit(main())

"""Plates measured against their truth: `make plates`, or python -m video_analysis.benchmarks.plates --help.

Real photographs (shared/data/plates/eu; half of them were used to choose constants, half are held out) and rendered
crops that are in no training data. Each is letterboxed into a snapshot first, as in stage 1. Writes the figures and a
sheet of the worst errors.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import contact_sheet
from video_analysis.main_worker.attributes import plate_formats
from video_analysis.main_worker.attributes.plate import REMEDY, PlateReader, PlateResult
from video_analysis.main_worker.attributes.plate_formats import Reading
from video_analysis.main_worker.evidence import PlateCode
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.simulator.close_ups import CloseUp, close_ups
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.env_overrides import edit_distance
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg, letterbox
from video_analysis.worker_utils.inference import backend

PHOTOGRAPHED = ("SK", "CZ", "GB")
EVALUATION_GENERATOR = 0
"""Its scenes are kept for evaluation: training/splits.py."""
CROPS, LEAST_VEHICLE_PX, WIDEST_ASPECT = 60, 150, 1.2
"""Vehicles whose box is wider than this are seen from the side, where no plate is."""
PLATE_SHARE = 0.23
"""Of a vehicle's width seen from its front or rear: a Philippine plate, 390 mm, on a car, 1.75 m wide."""
WIDTHS_PX = (0, 20, 40, 60, 80, 10_000)


@dataclass(frozen=True, slots=True)
class Case:
    """One picture with a plate."""

    group: str
    name: str
    picture: SnapshotImage
    truth: str
    width_px: float
    """Width of the plate in the camera's frame; an upper bound for rendered crops."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reader's result for one picture."""

    group: str
    name: str
    truth: str
    width_px: float
    text: str | None
    best: str
    conf: float
    reason: PlateCode | None
    cpu_ms: float
    """Processor time, so that other work on the machine does not count."""

    @classmethod
    def of(cls, group: str, name: str, truth: str, width_px: float, seen: PlateResult, cpu_ms: float) -> Outcome:
        """What the reader found, `seen`, beside the truth."""
        best = seen.best or Reading("", 0.0, None)
        text = None if seen.plate is None else seen.plate.text
        return cls(group, name, truth, width_px, text, best.text, best.conf, seen.reason, cpu_ms)


def photographs(folder: Path) -> Iterator[Case]:
    """The photographs; constants were chosen on every other one."""
    for number, label in enumerate(sorted(folder.glob("*.txt"))):
        file, _, _, width, _, text = label.read_text("utf-8").split()
        picture = letterbox(np.asarray(cv2.imread(str(folder / file)), np.uint8))
        group = "eu, held out" if number % 2 else "eu, tuned on"
        yield Case(group, file, picture, text, float(width))


def rendered(folder: Path, count: int) -> Iterator[Case]:
    """Rendered crops, stored in `folder` for reuse."""
    index = folder / f"crops_{count}.json"
    if not index.is_file():
        _render(index, count)
    for entry in json.loads(index.read_text("utf-8")):
        picture = letterbox(np.asarray(cv2.imread(str(folder / entry["name"])), np.uint8))
        group = f"traffic, {entry['type']}"
        yield Case(group, entry["name"], picture, entry["plate"], entry["width_px"] * PLATE_SHARE)


def _render(index: Path, count: int) -> None:
    index.parent.mkdir(parents=True, exist_ok=True)
    entries = []
    crops = close_ups(EVALUATION_GENERATOR, stages=3, per_stage=25, least_px=LEAST_VEHICLE_PX)
    ends_on = (crop for crop in crops if _width(crop) <= WIDEST_ASPECT * (crop.truth.box[3] - crop.truth.box[1]))
    for number, crop in enumerate(islice(ends_on, count)):
        name, truth, width = f"{number:04d}.jpg", crop.truth, _width(crop)
        (index.parent / name).write_bytes(encode_jpeg(crop.image, 95))
        plate = plate_formats.normalised(truth.plate)
        entries.append({"name": name, "plate": plate, "type": truth.type, "width_px": width})
    index.write_text(json.dumps(entries), "utf-8")


def _width(crop: CloseUp) -> int:
    return crop.truth.box[2] - crop.truth.box[0]


def measure(reader: PlateReader, case: Case) -> Outcome:
    """Read one picture."""
    started = time.process_time()
    seen = reader.read(case.picture)
    cpu_ms = (time.process_time() - started) * 1000
    return Outcome.of(case.group, case.name, case.truth, case.width_px, seen, round(cpu_ms, 1))


def figures(outcomes: Sequence[Outcome]) -> dict[str, float | int]:
    """Counts of exact, wrong and abstained plates; the error rate is over the characters of plates that were read."""
    read = [one for one in outcomes if one.text is not None]
    exact = sum(one.text == one.truth for one in read)
    signs = sum(len(one.truth) for one in read)
    return {
        "pictures": len(outcomes),
        "exact": exact,
        "exact_but_for_o_and_i": sum(without_twins(str(one.text)) == without_twins(one.truth) for one in read),
        "wrong": len(read) - exact,
        "abstained": len(outcomes) - len(read),
        "best_guess_exact": sum(one.best == one.truth for one in outcomes),
        "character_error_rate": round(sum(edit_distance(str(one.text), one.truth) for one in read) / max(1, signs), 4),
        "median_cpu_ms": float(np.median([one.cpu_ms for one in outcomes])) if outcomes else 0.0,
    }


def without_twins(text: str) -> str:
    """The text with one character for O and 0, and one for I and 1."""
    return text.replace("O", "0").replace("I", "1")


def grouped(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float | int]]:
    """The figures of each group and of each width of plate."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        world = one.group.partition(",")[0]
        low, high = next(pair for pair in pairwise(WIDTHS_PX) if one.width_px < pair[1])
        for name in (world, one.group, f"{world}, {low} to {high} px"):
            groups.setdefault(name, []).append(one)
    return {name: figures(members) for name, members in sorted(groups.items())}


def worst(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Confident wrong plates first, then confident readings below the threshold, then the rest."""
    errors = [one for one in outcomes if one.text != one.truth]
    return sorted(errors, key=lambda one: (one.text is None, -one.conf, -one.width_px))[:20]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, write the figures and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, default=DATA / "plates" / "eu")
    parser.add_argument("--crops", type=int, default=CROPS, help="of the traffic world; 0 for none")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out")
    options = parser.parse_args(arguments)
    runtime = backend.configured(WorkerConfig(device="openvino", threads=1))
    cases = {"eu": list(photographs(options.photographs)), "ph": list(rendered(options.out / "plates", options.crops))}
    outcomes: list[Outcome] = []
    for name, countries in (("eu", PHOTOGRAPHED), ("ph", ("PH",))):
        reader = PlateReader.load(runtime, countries)
        if reader is None:
            parser.error(f"nothing to read plates with: {REMEDY}")
        outcomes += [measure(reader, case) for case in cases[name]]
    _report(outcomes, {case.name: case.picture for both in cases.values() for case in both}, options.out)


def _report(outcomes: Sequence[Outcome], pictures: dict[str, SnapshotImage], out: Path) -> None:
    table = grouped(outcomes)
    heads = ("pictures", "exact", "O=0, I=1", "wrong", "null", "guessed", "CER", "cpu ms")
    print(f"{'group':<26}" + "".join(f"{head:>9}" for head in heads))
    for name, row in table.items():
        *counts, error_rate, cpu_ms = row.values()
        print(f"{name:<26}" + "".join(f"{count:>9}" for count in counts) + f"{error_rate:>9.3f}{cpu_ms:>9.0f}")
    out.mkdir(parents=True, exist_ok=True)
    document = {"figures": table, "outcomes": [asdict(one) for one in outcomes]}
    (out / "plates.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    shown = [(pictures[one.name], [one.truth, f"{one.text}: {one.best} {one.conf:.2f}"]) for one in worst(outcomes)]
    (out / "plates_worst.jpg").write_bytes(encode_jpeg(contact_sheet.draw(shown), 90))


if __name__ == "__main__":
    main()

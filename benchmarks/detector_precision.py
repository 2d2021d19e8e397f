"""What the INT8 export of a detector costs and saves: python -m video_analysis.benchmarks.detector_precision.

The weights with their export and without it, on the real stills of the validation cameras: mAP50, and processor time
per still on one thread, in turns and in one process. The export of other weights is written by training/int8.py.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.eval import real_stills
from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.training import real_pictures
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.types import Frame

SCORES = ("map50_of_one_type", "map50")
WARM_UP, STILLS = 3, 40


def measure(detector: Path, data: Path, config: WorkerConfig) -> dict[str, Any]:
    """Precision, scores and median milliseconds of both, and their difference."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(shutil.copy(detector, folder))
        configs = {
            name: config.model_copy(update={"yolo_weights": path.resolve(), "threads": 1})
            for name, path in {"weights": alone, "export": detector}.items()
        }
        detectors = {name: run_poller.detector(one) for name, one in configs.items()}
        found: dict[str, Any] = {name: {"precision": one.traits.precision} for name, one in detectors.items()}
        for name, milliseconds in _milliseconds(detectors, data).items():
            found[name]["cpu_ms"] = milliseconds
        for name, one in configs.items():
            scores = real_stills.measure(data, one)
            found[name] |= {score: scores[score] for score in SCORES}
    found["speed"] = round(found["weights"]["cpu_ms"] / found["export"]["cpu_ms"], 3)
    found["gain"] = {score: round(found["export"][score] - found["weights"][score], 4) for score in SCORES}
    return found


def _milliseconds(detectors: dict[str, Detector], data: Path) -> dict[str, float]:
    stills = real_pictures.validation_stills(data)[:STILLS]
    taken: dict[str, list[float]] = {name: [] for name in detectors}
    for number, still in enumerate(stills):
        frame = Frame(number, number, still.read())
        for name, detector in detectors.items():
            begin_s = time.process_time()
            list(detector.detect([frame]))
            taken[name].append((time.process_time() - begin_s) * 1000)
    return {name: round(statistics.median(some[WARM_UP:]), 2) for name, some in taken.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, and write them as JSON; 2 if weights, export or stills are missing."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.detector_precision", description=__doc__)
    parser.add_argument("--weights", type=Path, default=weights.DETECTOR)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "detector_precision.json")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir, help="folder for converted networks")
    options = parser.parse_args(arguments)
    if not options.weights.is_file() or not real_pictures.validation_stills(options.data):
        print(f"{options.weights}, or the stills in {options.data}: not found", file=sys.stderr)
        return 2
    found = measure(options.weights, options.data, WorkerConfig(cache_dir=options.cache, device="openvino"))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

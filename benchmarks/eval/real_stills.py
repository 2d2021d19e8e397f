"""Detection on the real stills of ../shared/data/pictures, those of the validation cameras only, if they exist.

python -m video_analysis.benchmarks.eval.real_stills --help: the same figures without the rest of the evaluation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.eval import table
from video_analysis.benchmarks.eval.stage_one import LEAST_CONFIDENCE
from video_analysis.benchmarks.real_data import ABSENT, DATA
from video_analysis.demo import weights
from video_analysis.training import detection_score, real_pictures
from video_analysis.training.real_splits import VALIDATION_CAMERAS
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.types import Frame


def measure(data: Path, config: WorkerConfig) -> dict[str, Any]:
    """mAP50 of the detector, all types as one and the mean over the labels; or why there is none.

    Of all labelled vehicles, and `of_snapshot_size`: of those that are large enough for the worker.
    """
    pictures = real_pictures.validation_stills(data)
    if not pictures:
        return {"skipped": ABSENT}
    settings = config.detector.model_copy(update={"confidence": LEAST_CONFIDENCE, "min_box_px": 1})
    detector = run_poller.detector(config.model_copy(update={"detector": settings}))
    frames = (Frame(number, number, picture.read()) for number, picture in enumerate(pictures))
    found = [detected.boxes for frame in frames for detected in detector.detect([frame])]
    large = detection_score.score(found, pictures, config.detector.min_box_px)
    return {
        "cameras": [*VALIDATION_CAMERAS],
        **asdict(detection_score.score(found, pictures)),
        "of_snapshot_size": {"least_px": config.detector.min_box_px, **asdict(large)},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, and write them as JSON; 2 if weights or stills are missing or wrong."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.eval.real_stills", description=__doc__)
    parser.add_argument("--weights", type=Path, default=weights.DETECTOR)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "real_stills.json")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir, help="folder for converted networks")
    options = parser.parse_args(arguments)
    if not options.weights.is_file():
        print(f"{options.weights}: not found", file=sys.stderr)
        return 2
    try:
        found = measure(options.data, WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=options.cache))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(*table.stills_lines(found), sep="\n")
    return 2 if "skipped" in found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Check checkpoints before their roll-out: python -m video_analysis.ops check --help."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis import worker_config
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.ops import arguments, exit_status
from video_analysis.worker_utils.inference import backend

ABOUT = """\
Checks whether main_worker would start with a checkpoint. Reads, compiles and warms up each file with the code and the
settings of the worker, and prints one line that describes it. Needs no queue, bucket or database."""


def main(given: Sequence[str] | None = None) -> int:
    """0 if a worker would start with every checkpoint, else 2."""
    parser = arguments.parser("check", ABOUT, "main_worker/bundle/main.pt")
    parser.add_argument("checkpoint", type=Path, nargs="+", help="an exported main model")
    options = parser.parse_args(given)
    return exit_status.run("check", lambda: _check(options.checkpoint))


def _check(paths: Sequence[Path]) -> None:
    runtime = backend.configured(worker_config.load(os.environ))
    for path in paths:
        classifier = Classifier.load(path.resolve(), "baseline", runtime)
        sys.stdout.write(f"{path}: {_description(classifier)}\n")


def _description(model: Classifier) -> str:
    labels = model.labels
    counts = ", ".join(f"{width} {level}s" for level, width in labels.widths.items())
    hierarchy = "with a hierarchy" if labels.hierarchy else "WITHOUT a hierarchy: the heads are independent"
    calibrated = "confidences calibrated" if labels.calibration else "confidences not calibrated"
    return f"{model.checkpoint}, {counts}, {hierarchy}, {calibrated}, {model.gflops} GFLOP per snapshot"


if __name__ == "__main__":
    sys.exit(main())

"""Whether a worker would start with a checkpoint: python -m video_analysis.ops check main.pt

Reads, compiles and warms it up by the worker's own code, with its settings; says what it is, or in one line what is
wrong with it. Nothing else is asked for: no queue, no bucket, no database.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis import worker_config
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where a worker would start with it, else 2."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.ops check", description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    try:
        runtime = backend.configured(worker_config.load(os.environ))
        for path in options.checkpoint:
            sys.stdout.write(f"{path}: {_described(Classifier.load(path.resolve(), 'baseline', runtime))}\n")
    except ConfigurationError as error:
        sys.stderr.write(f"check: {error}\n")
        return 2
    return 0


def _described(model: Classifier) -> str:
    labels = model.labels
    counts = ", ".join(f"{width} {level}s" for level, width in labels.widths.items())
    hierarchy = "by a hierarchy" if labels.hierarchy else "WITHOUT a hierarchy: each head speaks for itself"
    calibrated = "confidences calibrated" if labels.calibration else "confidences as the hierarchy makes them"
    return f"{model.checkpoint}, {counts}, {hierarchy}, {calibrated}, {model.gflops} GFLOP a picture"


if __name__ == "__main__":
    sys.exit(main())

"""Measure the main models on single vehicles: python -m video_analysis.benchmarks.main_model --help.

The vehicles are real ones of cameras and folders that no weights were trained on (../shared/data, if it exists), and
close-ups of the simulator, as they are and with camera degradation. The worker's own code decides. Prints a table, and
writes all figures to out/main_model.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from video_analysis.benchmarks.main_model import material
from video_analysis.benchmarks.main_model.figures import Judged, auroc, figures
from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.main_worker import run_poller
from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.ports import Model
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_snapshot

OUT = PACKAGE_FOLDER / "out"
QUALITY = WorkerConfig().snapshot.jpeg_quality
HEAD = ("named", "right", "precision", "sure, wrong", "ece", "make named", "make right", "model named", "model right")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the figures are written, 2 if weights are missing or wrong."""
    options = _options(arguments)
    config = WorkerConfig(
        run_mode="compare", baseline_checkpoint=options.baseline.resolve(), cmt_checkpoint=options.cmt.resolve()
    )
    try:
        models = run_poller.models(config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    document = measure(models, options.data, options.work, options.count, config.batch_size)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print("\n".join(table(document)))
    return 0


def measure(models: Mapping[Any, Model], data: Path, work: Path, count: int, batch: int) -> dict[str, Any]:
    """The figures of each model on each set; `work` keeps the rendered close-ups."""
    sets = {**material.real(data), **material.synthetic(work, count, 1)}
    return {variant: _measured(model, sets, batch) for variant, model in models.items()}


def _measured(model: Model, sets: Mapping[str, list[material.Sample]], batch: int) -> dict[str, Any]:
    judged = {name: judge(model, samples, batch) for name, samples in sets.items()}
    scores = {name: np.array([one.familiarity for one in some]) for name, some in judged.items()}
    unknown = [values for name, values in scores.items() if name not in ("synthetic", "degraded")]
    return {
        "checkpoint": model.checkpoint,
        "sets": {name: figures(some) for name, some in judged.items()},
        "unknown_auroc": {
            name: auroc(scores[name], np.concatenate(unknown)) for name in ("synthetic", "degraded") if unknown
        },
    }


def judge(model: Model, samples: list[material.Sample], batch: int) -> list[Judged]:
    """The worker's verdict on the snapshot of each sample."""
    judged: list[Judged] = []
    for some in material.batches(samples, batch):
        pictures = [check_snapshot(encode_snapshot(one.image(), QUALITY), CONTENT_TYPE) for one in some]
        for one, logits in zip(some, model.classify(pictures).logits, strict=True):
            judged.append(Judged.of(decide(logits, model.labels), one.types, one.make, one.model))
    return judged


def table(document: Mapping[str, Any]) -> list[str]:
    """One line per model and set."""
    lines = [f"{'':<30}{'vehicles':>12}" + "".join(f"{name:>12}" for name in HEAD)]
    for variant, found in document.items():
        for name, of in found["sets"].items():
            kind, make, model = of["type"], of["make"], of["model"]
            values = [kind.get(key) for key in ("named", "right", "precision", "wrong_and_confident", "ece")]
            values += [make["named"], make.get("right"), model["named"], model.get("right")]
            cells = "".join(f"{'–' if value is None else value:>12}" for value in values)
            lines.append(f"{variant:<10}{name:<20}{of['vehicles']:>12}{cells}")
        lines.append(f"{variant:<10}AUROC of unknown: {found['unknown_auroc']}")
    return lines


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.main_model", description=__doc__)
    parser.add_argument("--baseline", type=Path, default=weights.BASELINE)
    parser.add_argument("--cmt", type=Path, default=weights.CMT)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real pictures, if any")
    parser.add_argument("--count", type=int, default=material.SYNTHETIC, help="number of synthetic vehicles")
    parser.add_argument("--work", type=Path, default=OUT / "training", help="folder of rendered pictures")
    parser.add_argument("--out", type=Path, default=OUT / "main_model.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

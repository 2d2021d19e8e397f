"""The worker's verdicts on sets of single vehicles, and their figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from video_analysis.benchmarks.main_model import material
from video_analysis.benchmarks.main_model.figures import Judged, auroc, figures
from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.ports import Model
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_snapshot

QUALITY = WorkerConfig().snapshot.jpeg_quality
RENDERED = ("synthetic", "degraded")
"""The sets whose makes are known."""


def measure(models: Mapping[Variant, Model], data: Path, work: Path, count: int, batch: int) -> dict[str, Any]:
    """The figures of each model on each set; `work` keeps the rendered close-ups."""
    sets = {**material.real(data), **material.synthetic(work, count, 1)}
    return {variant: _measured(model, sets, batch) for variant, model in models.items()}


def _measured(model: Model, sets: Mapping[str, list[material.Sample]], batch: int) -> dict[str, Any]:
    judged = {name: judge(model, samples, batch) for name, samples in sets.items()}
    scores = {name: np.array([one.familiarity for one in some]) for name, some in judged.items()}
    unknown = [values for name, values in scores.items() if name not in RENDERED]
    return {
        "checkpoint": model.checkpoint,
        "sets": {name: figures(some) for name, some in judged.items()},
        "unknown_auroc": {name: auroc(scores[name], np.concatenate(unknown)) for name in RENDERED if unknown},
    }


def judge(model: Model, samples: list[material.Sample], batch: int) -> list[Judged]:
    """The worker's verdict on the snapshot of each sample."""
    judged: list[Judged] = []
    for some in material.batches(samples, batch):
        pictures = [check_snapshot(encode_snapshot(one.image(), QUALITY), CONTENT_TYPE) for one in some]
        for one, logits in zip(some, model.classify(pictures).logits, strict=True):
            judged.append(Judged.of(decide(logits, model.labels), one.types, one.make, one.model))
    return judged

"""Accuracy of a variant's labels, for each way of decoding its logits. Pure.

Each true vehicle is judged by its largest snapshot. A missed vehicle counts as wrong without abstention, and as not
covered with abstention.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from video_analysis.benchmarks.eval import decoding
from video_analysis.benchmarks.eval.decoding import Names
from video_analysis.benchmarks.eval.outcomes import JudgedShot, Outcome
from video_analysis.benchmarks.eval.predictions import Prediction
from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.training.calibration import calibration_error
from video_analysis.worker_utils.db.row_types import Variant

WAYS = ("joint", "greedy", "heads")


def figures(vehicles: Sequence[Outcome], variant: Variant) -> dict[str, Any]:
    """Top-1 per level and way (the worker's way also as {level}_top1), ECE over all snapshots, effect of abstention."""
    ways = {way: _top1(vehicles, variant, way) for way in WAYS}
    return {
        **{f"{level}_top1": share for level, share in ways["joint"].items()},
        "ece": {level: _calibration(vehicles, variant, level) for level in LEVELS},
        **ways,
        "abstaining": {level: _abstaining(vehicles, variant, depth) for depth, level in enumerate(LEVELS)},
    }


def is_right(vehicle: Outcome, shot: JudgedShot, variant: Variant, level: str) -> bool:
    """Whether the worker's label without abstention is the true one."""
    read = shot.read.by_variant.get(variant)
    return read is not None and getattr(read.joint, f"{level}_label") == getattr(vehicle.truth, level)


def share(verdicts: Iterable[bool]) -> float:
    """Share of true values; 0 for none."""
    listed = list(verdicts)
    return round(sum(listed) / max(1, len(listed)), 4)


def _top1(vehicles: Sequence[Outcome], variant: Variant, way: str) -> dict[str, float]:
    predicted = [_predicted(vehicle, variant, way) for vehicle in vehicles]
    return {
        level: share(
            names is not None and names[depth] == getattr(vehicle.truth, level)
            for vehicle, names in zip(vehicles, predicted, strict=True)
        )
        for depth, level in enumerate(LEVELS)
    }


def _abstaining(vehicles: Sequence[Outcome], variant: Variant, depth: int) -> dict[str, float | None]:
    """Coverage and precision at the checkpoint's thresholds; precision is None if nothing is covered."""
    predicted = [(vehicle.truth, _predicted(vehicle, variant, "abstaining")) for vehicle in vehicles]
    right = [names[depth] == getattr(truth, LEVELS[depth]) for truth, names in predicted if names and names[depth]]
    return {
        "precision": share(right) if right else None,
        "coverage": round(len(right) / max(1, len(vehicles)), 4),
    }


def _predicted(vehicle: Outcome, variant: Variant, way: str) -> Names | None:
    """Labels of the vehicle's largest snapshot; None if it has no snapshot or no prediction of this variant."""
    read = vehicle.shots[0].read.by_variant.get(variant) if vehicle.shots else None
    return None if read is None else _names(read, way)


def _names(read: Prediction, way: str) -> Names:
    if way in ("greedy", "heads"):
        return read.greedy if way == "greedy" else read.heads
    return decoding.names(read.joint if way == "joint" else read.abstaining)


def _calibration(vehicles: Sequence[Outcome], variant: Variant, level: str) -> float:
    """ECE of one level; a level without a prediction has confidence 0."""
    pairs = [(vehicle, shot) for vehicle in vehicles for shot in vehicle.shots if variant in shot.read.by_variant]
    sure = np.array(
        [getattr(shot.read.by_variant[variant].joint, f"{level}_conf") or 0.0 for _, shot in pairs], np.float64
    )
    right = np.array([is_right(vehicle, shot, variant, level) for vehicle, shot in pairs], np.bool_)
    return round(calibration_error(sure, right), 4)

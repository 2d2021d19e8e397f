"""What a variant's names are worth, by each way of decoding its logits. Pure.

Of each true vehicle by its largest snapshot. One that was missed is wrong where every level speaks, and not covered
where a level may abstain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from video_analysis.benchmarks.eval import decoding
from video_analysis.benchmarks.eval.decoding import Names
from video_analysis.benchmarks.eval.outcomes import JudgedShot, Outcome
from video_analysis.benchmarks.eval.predictions import Reading
from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.training.calibration import calibration_error
from video_analysis.worker_utils.db.row_types import Variant

WAYS = ("joint", "greedy", "heads")


def figures(vehicles: Sequence[Outcome], variant: Variant) -> dict[str, Any]:
    """Top-1 a level and way, the worker's own under {level}_top1 too; ECE of each snapshot; abstention's worth."""
    ways = {way: _top1(vehicles, variant, way) for way in WAYS}
    return {
        **{f"{level}_top1": share for level, share in ways["joint"].items()},
        "ece": {level: _calibration(vehicles, variant, level) for level in LEVELS},
        **ways,
        "abstaining": {level: _abstaining(vehicles, variant, depth) for depth, level in enumerate(LEVELS)},
    }


def is_right(vehicle: Outcome, shot: JudgedShot, variant: Variant, level: str) -> bool:
    """Whether the worker, made to speak, names the vehicle as it is."""
    read = shot.read.said.get(variant)
    return read is not None and getattr(read.joint, f"{level}_label") == getattr(vehicle.truth, level)


def share(verdicts: Iterable[bool]) -> float:
    """Of all, those that hold; 0 of none."""
    listed = list(verdicts)
    return round(sum(listed) / max(1, len(listed)), 4)


def _top1(vehicles: Sequence[Outcome], variant: Variant, way: str) -> dict[str, float]:
    said = [_said(vehicle, variant, way) for vehicle in vehicles]
    return {
        level: share(
            names is not None and names[depth] == getattr(vehicle.truth, level)
            for vehicle, names in zip(vehicles, said, strict=True)
        )
        for depth, level in enumerate(LEVELS)
    }


def _abstaining(vehicles: Sequence[Outcome], variant: Variant, depth: int) -> dict[str, float | None]:
    """By the checkpoint's own thresholds: how much is named, and how much of that is right; None of nothing."""
    said = [(vehicle.truth, _said(vehicle, variant, "abstaining")) for vehicle in vehicles]
    right = [names[depth] == getattr(truth, LEVELS[depth]) for truth, names in said if names and names[depth]]
    return {
        "precision": share(right) if right else None,
        "coverage": round(len(right) / max(1, len(vehicles)), 4),
    }


def _said(vehicle: Outcome, variant: Variant, way: str) -> Names | None:
    """Of its largest snapshot; None where it has none, or none that this variant read."""
    read = vehicle.shots[0].read.said.get(variant) if vehicle.shots else None
    return None if read is None else _names(read, way)


def _names(read: Reading, way: str) -> Names:
    if way in ("greedy", "heads"):
        return read.greedy if way == "greedy" else read.heads
    return decoding.names(read.joint if way == "joint" else read.abstaining)


def _calibration(vehicles: Sequence[Outcome], variant: Variant, level: str) -> float:
    """A level of which nothing was said has confidence 0."""
    pairs = [(vehicle, shot) for vehicle in vehicles for shot in vehicle.shots if variant in shot.read.said]
    sure = np.array([getattr(shot.read.said[variant].joint, f"{level}_conf") or 0.0 for _, shot in pairs], np.float64)
    right = np.array([is_right(vehicle, shot, variant, level) for vehicle, shot in pairs], np.bool_)
    return round(calibration_error(sure, right), 4)

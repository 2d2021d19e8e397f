"""The figures, from the outcomes of the vehicles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from video_analysis.benchmarks.eval import attributes, naming, tracking
from video_analysis.benchmarks.eval.naming import share
from video_analysis.benchmarks.eval.outcomes import Outcome, SceneOutcome
from video_analysis.training.average_precision import TrueBoxes, map50
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.yolo_worker.types import Boxes

Sample = tuple[Boxes, TrueBoxes]
"""Detections of a frame, and its true boxes."""
HEADLINE: Variant = "baseline"
"""The variant of the main figures."""
NOTICEABLE = 0.05


def figures(outcomes: Sequence[SceneOutcome], samples: Sequence[Sample]) -> dict[str, Any]:
    """Figures of several scenes together; rates are shares of the required vehicles."""
    vehicles = [vehicle for outcome in outcomes for vehicle in outcome.vehicles]
    of_variants = {variant: naming.figures(vehicles, variant) for variant in sorted(_variants(vehicles) | {HEADLINE})}
    return {
        "scenes": len(outcomes),
        "frames": sum(outcome.frames for outcome in outcomes),
        "map50": _map50(samples),
        "map50_of_one_type": _map50([_of_one_type(found, true) for found, true in samples]),
        **_tracking(outcomes),
        **_snapshots(outcomes, vehicles),
        **_best_shots(vehicles),
        "yolo_type_top1": share(v.shots[0].yolo_type == v.truth.type for v in vehicles if v.shots),
        **of_variants[HEADLINE],
        **attributes.figures(outcomes),
        "variants": of_variants,
    }


def _map50(samples: Sequence[Sample]) -> float:
    return round(map50([found for found, _ in samples], [true for _, true in samples]), 4)


def _of_one_type(found: Boxes, true: TrueBoxes) -> Sample:
    """The sample with all types equal, to measure detection without classification."""
    alike = found.copy()
    alike[:, 5] = 0
    return alike, replace(true, classes=np.zeros_like(true.classes))


def _tracking(outcomes: Sequence[SceneOutcome]) -> dict[str, Any]:
    together = reduce(add, (outcome.tracking for outcome in outcomes), tracking.nothing())
    return {
        "hota": round(together.hota.hota(), 4),
        "idf1": round(together.mot.idf1(), 4),
        "mota": round(together.mot.mota(), 4),
        "id_switches": together.mot.num_switches,
    }


def _snapshots(outcomes: Sequence[SceneOutcome], vehicles: Sequence[Outcome]) -> dict[str, Any]:
    counted = max(1, len(vehicles))
    shots = sum(len(vehicle.shots) for vehicle in vehicles)
    missed = sum(not vehicle.shots for vehicle in vehicles)
    extra = shots - (len(vehicles) - missed)
    false = sum(len(outcome.false_shots) for outcome in outcomes)
    return {
        "vehicles": len(vehicles),
        "ignored_vehicles": sum(outcome.ignored_vehicles for outcome in outcomes),
        "snapshots": shots,
        "false_snapshots": false,
        "ignored_snapshots": sum(outcome.ignored_shots for outcome in outcomes),
        "missed": missed,
        "missed_too_brief": sum(not (vehicle.shots or vehicle.confirmable) for vehicle in vehicles),
        "duplicates": extra,
        "snapshots_per_vehicle": round((shots + false) / counted, 4),
        "missed_rate": round(missed / counted, 4),
        "duplicate_rate": round(extra / counted, 4),
    }


def _best_shots(vehicles: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of the largest snapshot of each vehicle that has one."""
    chosen = [vehicle.shots[0] for vehicle in vehicles if vehicle.shots]
    regrets = np.array([shot.regret for shot in chosen] or [0.0])
    return {
        "best_shot_regret": round(float(regrets.mean()), 4),
        "best_shot_regret_median": round(float(np.median(regrets)), 4),
        "best_shot_regret_over_5_percent": round(float((regrets > NOTICEABLE).mean()), 4),
        "cut_needlessly": share(shot.cut_needlessly for shot in chosen),
    }


def _variants(vehicles: Iterable[Outcome]) -> set[Variant]:
    return {variant for vehicle in vehicles for shot in vehicle.shots for variant in shot.read.by_variant}

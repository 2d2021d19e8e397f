"""Open-set rule, calibration and thresholds of a main model, from real and rendered vehicles together. Pure.

The worker's own code decides, so that what is calibrated is what a row holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.hierarchy import LEVELS, decide
from video_analysis.main_worker.classification.labels import Calibration, Labels, OpenSet, PlattScaling, Thresholds
from video_analysis.main_worker.types import OUTPUTS, Logits, Verdict
from video_analysis.training import calibration
from video_analysis.training.main_model import Floats, Predictions

UNKNOWN_KEPT = 0.02
"""Largest share of the real calibration vehicles, of each source, whose make the open-set rule accepts."""
PRECISION = {"type": 0.93, "make": 0.93, "model": 0.93}
"""Of the labels given to rendered calibration vehicles: a little more than what is promised."""
REAL_TYPE_PRECISION = 0.9
"""Of the types given to real calibration vehicles, for each source."""
HEAD: Literal["make"] = "make"
Judged = Mapping[str, tuple[Floats, NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationVehicles:
    """Predictions with the temperatures applied."""

    rendered: Predictions
    """Makes are known."""
    real: Mapping[str, Predictions]
    """By source; makes are unknown. May be empty: then there is no open-set rule."""


def fitted(named: Labels, vehicles: CalibrationVehicles) -> Labels:
    """The labels with open-set rule, calibration and thresholds."""
    plain = named.model_copy(update={"open_set": None, "calibration": None, "thresholds": NOTHING})
    rule = _open_set(plain, vehicles) if vehicles.real else None
    known = within(vehicles.rendered, rule)
    bent = plain.model_copy(update={"calibration": verdict_calibration(judged(known, plain))})
    thresholds = {level: calibration.threshold_for(*of, PRECISION[level]) for level, of in judged(known, bent).items()}
    return bent.model_copy(update={"open_set": rule, "thresholds": Thresholds(**thresholds)})


NOTHING = Thresholds(type=0.0, make=0.0, model=0.0)
"""No level abstains."""


def verdict_calibration(of: Judged) -> Calibration:
    """Platt scaling of the joint decision: its confidences need it, since errors of the heads are correlated."""
    return Calibration(**{output: scaling(*of[output]) for output in OUTPUTS})


def judged(predictions: Predictions, named: Labels) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
    """(confidences, whether right) per output, decided by the worker's code before thresholds."""
    verdicts = verdicts_of(predictions, named)
    return {level: _judged_level(verdicts, predictions, named, level) for level in LEVELS}


def verdicts_of(predictions: Predictions, named: Labels) -> list[Verdict]:
    """The worker's verdicts."""
    logits = {output: values.astype(np.float32) for output, values in predictions.logits.items()}
    return [decide(Logits.of(logits, row), named) for row in range(len(predictions.targets))]


def scores(predictions: Predictions, head: str = HEAD) -> Floats:
    """The open-set score of each vehicle."""
    return np.asarray(np.logaddexp.reduce(predictions.logits[head], axis=1), np.float64)


def _judged_level(
    verdicts: Sequence[Verdict], predictions: Predictions, named: Labels, level: str
) -> tuple[Floats, NDArray[np.bool_]]:
    """An unknown name is not right."""
    pairs = [one.evidence[level]["candidate"] or (None, 0.0) for one in verdicts]  # type: ignore[index]
    if level == "type":
        right = [row[named.types.index(name)] == 1 for (name, _), row in zip(pairs, predictions.targets, strict=True)]
    else:
        answers = [None if place < 0 else named.names[level][place] for place in predictions.answers(level)]
        right = [name is not None and name == true for (name, _), true in zip(pairs, answers, strict=True)]
    return np.array([conf for _, conf in pairs], np.float64), np.array(right, np.bool_)


def _open_set(plain: Labels, vehicles: CalibrationVehicles) -> OpenSet:
    """The least score that few real vehicles reach, and the type's calibration and threshold below it.

    In the calibration each source has the same weight: many crops of one camera say little about another camera. The
    threshold is the one that the most difficult source needs.
    """
    least = max(float(np.quantile(scores(one), 1 - UNKNOWN_KEPT)) for one in vehicles.real.values())
    rule = OpenSet(head=HEAD, least_score=round(least, 4), threshold=0.0)
    unknown = [outside(one, rule) for one in [*vehicles.real.values(), vehicles.rendered]]
    largest = max(len(one.targets) for one in unknown)
    even = [one.chosen(slice(None)) for one in unknown for _ in range(max(1, largest // max(1, len(one.targets))))]
    together = even[0]
    for one in even[1:]:
        together = together.joined(one)
    alone = plain.model_copy(update={"open_set": rule})
    bent = rule.model_copy(update={"calibration": scaling(*judged(together, alone)["type"])})
    alone = plain.model_copy(update={"open_set": bent})
    of_type = [judged(outside(one, rule), alone)["type"] for one in vehicles.real.values()]
    least = max(calibration.threshold_for(*one, REAL_TYPE_PRECISION) for one in of_type)
    return bent.model_copy(update={"threshold": round(least, 2)})


def outside(predictions: Predictions, rule: OpenSet) -> Predictions:
    """Those whose make the rule refuses."""
    return predictions.chosen(scores(predictions, rule.head) < rule.least_score)


def within(predictions: Predictions, rule: OpenSet | None) -> Predictions:
    """Those whose make the rule accepts."""
    return predictions if rule is None else predictions.chosen(scores(predictions, rule.head) >= rule.least_score)


def scaling(confidences: Floats, right: NDArray[np.bool_]) -> PlattScaling:
    """Platt scaling of confidences, of which some are right."""
    slope, bias = calibration.fit_logistic(confidences, right)
    return PlattScaling(slope=round(slope, 4), bias=round(bias, 4))

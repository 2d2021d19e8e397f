"""Temperatures, calibration, thresholds and open-set rule from a user's own calibration pictures. Pure.

A level with too few labelled pictures keeps the values of the current model if nothing that it depends on was trained;
else it never names anything, because nothing is known about its confidences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.main_worker.classification.labels import Calibration, Labels, OpenSet, PlattScaling, Thresholds
from video_analysis.training import calibration
from video_analysis.training.main_model import Predictions
from video_analysis.training.vehicle_sets import UNLABELLED
from video_analysis.training.verdict_calibration import NOTHING, PRECISION, judged, outside, scaling, scores, within

LEAST_PICTURES = 20
"""Labelled pictures of a level to calibrate it by."""
KNOWN_REFUSED = 0.05
"""Share of the calibration pictures of known makes that the open-set rule refuses."""
NEVER = 1.0
"""A threshold that no confidence reaches."""
AS_IT_IS = PlattScaling(slope=1.0, bias=0.0)
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted."""

    labels: Labels
    levels: tuple[str, ...]
    """The levels with enough pictures."""


def labelled(predictions: Predictions, level: str) -> Bools:
    """Which vehicles have a label of the level; a name that is none of the known ones is one, too."""
    if level == "type":
        return np.asarray((predictions.targets[:, :-2] == 0).any(axis=1), np.bool_)
    return np.asarray(predictions.answers(level) != UNLABELLED, np.bool_)


def known(predictions: Predictions, level: str) -> Bools:
    """Which vehicles have a label that is one of the names."""
    return labelled(predictions, level) & (predictions.answers(level) >= 0)


def temperatures(predictions: Predictions, trained: tuple[str, ...]) -> dict[str, float]:
    """Temperature of each head; 1 for one that was not trained or has too few pictures."""
    found = dict.fromkeys(LEVELS, 1.0)
    for level in trained:
        some = predictions.chosen(known(predictions, level))
        if _are_enough(some):
            found[level] = round(calibration.temperature(some.logits[level], some.answers(level)), 4)
    return found


def fitted(named: Labels, current: Labels, predictions: Predictions, trained: tuple[str, ...]) -> Fit:
    """The labels with open-set rule, calibration and thresholds, for predictions with the temperatures applied.

    `trained` are the levels whose outputs are not those of the current model.
    """
    plain = named.model_copy(update={"open_set": None, "calibration": None, "thresholds": NOTHING})
    rule = _rule(plain, current, predictions, trained)
    accepted = within(predictions, rule)
    some = {level: _to_calibrate_by(level, predictions, accepted) for level in LEVELS}
    scalings = {level: _scaling_of(level, plain, current, some[level], trained) for level in LEVELS}
    bent = plain.model_copy(update={"calibration": Calibration(**scalings)})
    thresholds = {level: _threshold_of(level, bent, current, some[level], trained) for level in LEVELS}
    labels = bent.model_copy(update={"open_set": rule, "thresholds": Thresholds(**thresholds)})
    return Fit(labels, tuple(level for level in LEVELS if _are_enough(some[level])))


def _are_enough(some: Predictions) -> bool:
    return len(some.targets) >= LEAST_PICTURES


def _to_calibrate_by(level: str, predictions: Predictions, accepted: Predictions) -> Predictions:
    """The labelled vehicles among those that the rule accepts; for the type all, if those are too few."""
    some = accepted.chosen(labelled(accepted, level))
    if level == "type" and not _are_enough(some):
        return predictions.chosen(labelled(predictions, level))
    return some


def _rule(plain: Labels, current: Labels, predictions: Predictions, trained: tuple[str, ...]) -> OpenSet | None:
    """By the vehicles of known makes; the current one if the make head is not trained; None without enough of them."""
    if "make" not in trained:
        rule = current.open_set
    else:
        of_make = scores(predictions.chosen(known(predictions, "make")))
        if len(of_make) < LEAST_PICTURES:
            return None
        least = float(np.quantile(of_make, KNOWN_REFUSED))
        rule = OpenSet(head="make", least_score=round(least, 4), threshold=0.0)
    return None if rule is None else _with_type_alone(plain, rule, predictions)


def _with_type_alone(plain: Labels, rule: OpenSet, predictions: Predictions) -> OpenSet:
    """Calibration and threshold of the type where the rule refuses the make, by those vehicles or else by all.

    With too few of them, no type is named: it was trained, so that values of the current model do not apply.
    """
    known_types = predictions.chosen(labelled(predictions, "type"))
    refused = outside(known_types, rule)
    some = refused if _are_enough(refused) else known_types
    if not _are_enough(some):
        return rule.model_copy(update={"calibration": None, "threshold": NEVER})
    everywhere = rule.model_copy(update={"least_score": 1e9, "calibration": None, "threshold": 0.0})
    bent = everywhere.model_copy(
        update={"calibration": scaling(*judged(some, plain.model_copy(update={"open_set": everywhere}))["type"])}
    )
    of_type = judged(some, plain.model_copy(update={"open_set": bent}))["type"]
    least = round(calibration.threshold_for(*of_type, PRECISION["type"]), 2)
    return bent.model_copy(update={"least_score": rule.least_score, "threshold": least})


def _scaling_of(
    level: str, plain: Labels, current: Labels, some: Predictions, trained: tuple[str, ...]
) -> PlattScaling:
    if _are_enough(some):
        return scaling(*judged(some, plain)[level])
    if level in trained or current.calibration is None:
        return AS_IT_IS
    kept: PlattScaling = getattr(current.calibration, level)
    return kept


def _threshold_of(level: str, bent: Labels, current: Labels, some: Predictions, trained: tuple[str, ...]) -> float:
    if _are_enough(some):
        return round(calibration.threshold_for(*judged(some, bent)[level], PRECISION[level]), 2)
    return NEVER if level in trained else float(getattr(current.thresholds, level))

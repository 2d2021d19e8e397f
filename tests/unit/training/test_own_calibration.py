"""Calibration of a user's own model: what is fitted, what is kept, and what is never named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from video_analysis.main_worker.classification.labels import OpenSet
from video_analysis.tests.support.hierarchy_inputs import labels
from video_analysis.training.main_model import Predictions, group_loss, known_loss, open_loss
from video_analysis.training.own.own_calibration import LEAST_PICTURES, NEVER, fitted, temperatures
from video_analysis.training.vehicle_sets import UNKNOWN, UNLABELLED, target
from video_analysis.training.verdict_calibration import verdicts_of

NAMED = labels(0.5)
LEVELS = ("type", "make", "model")


def predictions(count: int, *, places: tuple[int, int] | None, seed: int = 1) -> Predictions:
    """Cars, their type right nine times of ten. `places`: of make and model; None: Toyota Vios or Honda City."""
    rng = np.random.default_rng(seed)
    makes, models = rng.integers(0, 2, count), np.array([0, 2])
    of_type = rng.normal(0, 0.3, (count, 4)) + 3 * np.eye(4)[np.where(rng.random(count) < 0.9, 0, 2)]
    known = places is None or places[0] == UNLABELLED
    of_make = rng.normal(-4, 0.5, (count, 3)) + (9 * np.eye(3)[makes] if known else 0)
    of_model = rng.normal(0, 0.5, (count, 6)) + 4 * np.eye(6)[models[makes]]
    targets = np.stack([target(NAMED, ("Car",)) for _ in range(count)])
    targets[:, -2], targets[:, -1] = (makes, models[makes]) if places is None else places
    return Predictions({"type": of_type, "make": of_make, "model": of_model}, targets)


def without_types(some: Predictions) -> Predictions:
    targets = some.targets.copy()
    targets[:, :-2] = 1
    return Predictions(some.logits, targets)


def test_known_makes_are_named_and_others_are_refused_by_the_rule() -> None:
    known, other = predictions(300, places=None), predictions(100, places=(UNKNOWN, UNLABELLED), seed=2)
    fit = fitted(NAMED, NAMED, known.joined(other), LEVELS)
    assert fit.levels == LEVELS
    assert fit.labels.open_set is not None
    named = [[one.make_label is not None for one in verdicts_of(some, fit.labels)] for some in (known, other)]
    assert np.mean(named[0]) > 0.8
    assert np.mean(named[1]) < 0.02


def test_a_trained_level_without_labels_is_never_named() -> None:
    fit = fitted(NAMED, NAMED, predictions(200, places=(UNLABELLED, UNLABELLED)), LEVELS)
    assert fit.levels == ("type",)
    assert fit.labels.open_set is None
    assert (fit.labels.thresholds.make, fit.labels.thresholds.model) == (NEVER, NEVER)
    assert {one.make_label for one in verdicts_of(predictions(50, places=None), fit.labels)} == {None}


def test_makes_and_models_stay_as_they_are_when_only_the_type_is_trained() -> None:
    rule = OpenSet(head="make", least_score=1.5, threshold=0.9)
    current = NAMED.model_copy(update={"open_set": rule})
    fit = fitted(NAMED, current, predictions(200, places=(UNLABELLED, UNLABELLED)), ("type",))
    assert fit.labels.open_set is not None
    assert fit.labels.open_set.least_score == rule.least_score
    assert (fit.labels.thresholds.make, fit.labels.thresholds.model) == (0.5, 0.5)
    assert fit.labels.open_set.threshold < 0.9


def test_types_are_named_where_the_rule_refuses_all_makes_or_all_but_a_few() -> None:
    rule = OpenSet(head="make", least_score=1.5, threshold=0.9)
    current = NAMED.model_copy(update={"open_set": rule})
    unknown, few = (
        predictions(count, places=places, seed=count)
        for count, places in ((200, (UNKNOWN, UNLABELLED)), (LEAST_PICTURES - 1, (UNLABELLED, UNLABELLED)))
    )
    fit = fitted(NAMED, current, unknown.joined(few), ("type",))
    assert fit.levels == ("type",)
    assert fit.labels.thresholds.type < NEVER
    for some in (unknown, few):
        assert any(one.type_label for one in verdicts_of(some, fit.labels))


def test_the_type_is_calibrated_by_all_vehicles_if_the_rule_accepts_too_few() -> None:
    current = NAMED.model_copy(update={"open_set": OpenSet(head="make", least_score=1e6, threshold=0.1)})
    fit = fitted(NAMED, current, predictions(200, places=(UNLABELLED, UNLABELLED)), ("type",))
    assert fit.levels == ("type",)
    assert fit.labels.thresholds.type < NEVER


@pytest.mark.parametrize("trained", [("type",), LEVELS])
def test_a_type_with_too_few_pictures_is_never_named_where_the_make_is_refused_either(trained: tuple[str, ...]) -> None:
    few = predictions(LEAST_PICTURES - 1, places=None)
    some = few if trained == ("type",) else few.joined(without_types(predictions(LEAST_PICTURES, places=None)))
    rule = OpenSet(head="make", least_score=1.5, threshold=0.1)
    fit = fitted(NAMED, NAMED.model_copy(update={"open_set": rule}), some, trained)
    assert fit.labels.open_set is not None
    assert fit.labels.open_set.threshold == fit.labels.thresholds.type == NEVER
    refused = predictions(50, places=(UNKNOWN, UNLABELLED))
    assert {one.type_label for one in verdicts_of(refused, fit.labels)} == {None}


def test_temperatures_are_those_of_trained_heads_with_enough_pictures() -> None:
    enough, few = predictions(200, places=None), predictions(LEAST_PICTURES - 1, places=None)
    assert temperatures(few, LEVELS) == dict.fromkeys(LEVELS, 1.0)
    found = temperatures(enough, ("type", "make"))
    assert found["model"] == 1.0
    assert found["type"] != 1.0


def test_a_vehicle_without_a_label_changes_nothing() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    places, any_type = torch.tensor([UNLABELLED]), torch.ones(1, 3, dtype=torch.int64)
    (known_loss(logits, places) + open_loss(logits, places) + group_loss(logits, any_type)).backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_labelled_vehicles_count_the_same_beside_unlabelled_ones() -> None:
    rng = np.random.default_rng(3)
    logits = torch.tensor(rng.normal(size=(8, 4)))
    may_be = torch.tensor(np.eye(4, dtype=np.int64)[rng.integers(0, 4, 8)])
    half = torch.cat([may_be[:4], torch.ones(4, 4, dtype=torch.int64)])
    torch.testing.assert_close(group_loss(logits, half), group_loss(logits[:4], may_be[:4]))

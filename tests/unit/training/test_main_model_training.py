"""Training of main models: losses of labels that are known in part, balanced samples, stored maps, calibration."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.types import Logits
from video_analysis.tests.support.hierarchy_inputs import labels
from video_analysis.training import trunk_cache
from video_analysis.training.calibration import threshold_for
from video_analysis.training.main_model import Predictions, group_loss, known_loss, open_loss
from video_analysis.training.mixed_views import LearningSet, MixedViews
from video_analysis.training.networks import LOOK_PX, TRUNK_SHAPE
from video_analysis.training.trunk_cache import CachedViews
from video_analysis.training.vehicle_sets import UNKNOWN, VehicleSet, target
from video_analysis.training.verdict_calibration import UNKNOWN_KEPT, CalibrationVehicles, fitted, verdicts_of

NAMED = labels()


def test_a_group_is_right_with_each_of_its_types_and_a_sure_one_costs_least() -> None:
    car_or_suv = torch.tensor([[1, 1, 0, 0]])
    as_car, as_suv, unsure, as_bus = (
        float(group_loss(torch.tensor([row]), car_or_suv))
        for row in ([9.0, 0, 0, 0], [0, 9.0, 0, 0], [9.0, 9.0, 0, 0], [0, 0, 0, 9.0])
    )
    assert as_car == pytest.approx(as_suv)
    assert as_car < unsure < as_bus


def test_a_vehicle_of_unknown_make_only_lowers_the_score_of_each_make() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    places = torch.tensor([1, UNKNOWN])
    (known_loss(logits, places) + open_loss(logits, places)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] < 0
    assert (logits.grad[1] > 0).all()


def test_no_known_name_in_a_batch_costs_nothing() -> None:
    assert float(known_loss(torch.ones(2, 3), torch.tensor([UNKNOWN, UNKNOWN]))) == 0


def test_targets_hold_the_possible_types_and_what_is_known() -> None:
    assert target(NAMED, ("Car", "SUV")).tolist() == [1, 1, 0, 0, UNKNOWN, UNKNOWN]
    assert target(NAMED, ("SUV",), "Honda", "CR-V").tolist() == [0, 1, 0, 0, 1, 4]
    with pytest.raises(ValueError, match="none of the types Van"):
        target(NAMED, ("Van",))


def vehicle_set(groups: list[str]) -> VehicleSet:
    targets = np.stack([target(NAMED, ("Car",)) + 0 for _ in groups])
    targets[:, -1] = np.arange(len(groups))
    return VehicleSet("some", "0", [blank] * len(groups), targets, groups)


def blank() -> NDArray[np.uint8]:
    return np.full((40, 60, 3), 90, np.uint8)


def learning(groups: list[str]) -> LearningSet:
    return LearningSet(vehicle_set(groups), CachedViews([[np.zeros((len(groups), 1), np.float16)]] * 2))


def test_rendered_and_real_vehicles_take_turns_and_small_groups_are_drawn_more_often() -> None:
    rendered, real = learning(["synthetic"] * 3), learning(["stills car"] * 16 + ["stills bus"])
    views = MixedViews(rendered, real, seed=1)
    drawn = [int(views[number][1][-1]) for number in range(2000)]

    assert Counter(drawn[0:6:2]) == Counter(range(3))
    share = drawn[1::2].count(16) / 1000
    assert share == pytest.approx(1 / 9, abs=0.03)
    assert all(np.array_equal(views[number][1], views[number][1]) for number in range(4))


class CountingTrunk:
    """Means of the planes in place of the trunk."""

    def __init__(self) -> None:
        self.pictures = 0

    def __call__(self, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        assert pictures.shape[1:] == (3, LOOK_PX, LOOK_PX)
        self.pictures += len(pictures)
        return [np.broadcast_to(pictures.mean(axis=(1, 2, 3))[:, None, None, None], (len(pictures), *TRUNK_SHAPE))]


def test_maps_are_computed_once_and_views_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_cache, "PART", 2)
    some, trunk = vehicle_set(["a"] * 3), CountingTrunk()
    first = trunk_cache.training_views(tmp_path, some, trunk, 2, seed=1)  # type: ignore[arg-type]
    again = trunk_cache.training_views(tmp_path, some, trunk, 2, seed=1)  # type: ignore[arg-type]

    assert trunk.pictures == 6
    assert first.views == 2
    assert np.array_equal(first[1, 2], again[1, 2])
    assert not np.array_equal(first[0, 2], first[1, 2])
    assert trunk_cache.stored(tmp_path, some, trunk).whole().shape == (3, *TRUNK_SHAPE)  # type: ignore[arg-type]


def test_another_set_of_vehicles_has_other_maps(tmp_path: Path) -> None:
    some, trunk = vehicle_set(["a"] * 2), CountingTrunk()
    trunk_cache.stored(tmp_path, some, trunk)  # type: ignore[arg-type]
    trunk_cache.stored(tmp_path, replace(some, mark="1"), trunk)  # type: ignore[arg-type]
    assert trunk.pictures == 4


def predictions(count: int, seed: int, *, known: bool, right: float) -> Predictions:
    """Vehicles of three types; real ones have low make logits, and the type is right in a share of them."""
    rng = np.random.default_rng(seed)
    makes, models = rng.integers(0, 2, count), np.array([0, 2])
    targets = np.stack([target(NAMED, ("Car",)) for _ in range(count)])
    shown = np.where(rng.random(count) < right, 0, 2)
    of_type = rng.normal(0, 0.3, (count, 4)) + 2 * np.eye(4)[shown]
    of_make = rng.normal(-4, 0.5, (count, 3)) + (9 * np.eye(3)[makes] if known else 0)
    of_model = rng.normal(0, 0.5, (count, 6)) + 4 * np.eye(6)[models[makes]]
    if known:
        targets[:, -2], targets[:, -1] = makes, models[makes]
    return Predictions({"type": of_type, "make": of_make, "model": of_model}, targets)


def test_the_fitted_rule_refuses_real_makes_keeps_rendered_ones_and_calibrates_both() -> None:
    rendered = predictions(300, 1, known=True, right=0.97)
    real = {"stills": predictions(200, 2, known=False, right=0.8), "crops": predictions(50, 3, known=False, right=0.9)}
    found = fitted(NAMED, CalibrationVehicles(rendered, real))

    assert found.open_set is not None
    named = {name: [one.make_label is not None for one in verdicts_of(some, found)] for name, some in real.items()}
    assert np.mean(named["stills"]) <= UNKNOWN_KEPT + 1 / 200
    assert np.mean([one.make_label is not None for one in verdicts_of(rendered, found)]) > 0.8
    (alone,) = {round(float(decide(Logits.of(float32(real["stills"]), 0), found).evidence["type"]["threshold"]), 2)}  # type: ignore[index]
    assert alone == found.open_set.threshold


def test_without_real_vehicles_there_is_no_open_set_rule() -> None:
    assert fitted(NAMED, CalibrationVehicles(predictions(100, 1, known=True, right=0.9), {})).open_set is None


def float32(some: Predictions) -> dict[str, NDArray[np.float32]]:
    return {output: values.astype(np.float32) for output, values in some.logits.items()}


def test_a_threshold_is_the_least_with_the_precision_wanted() -> None:
    confidences, right = np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, True, False, True])
    assert threshold_for(confidences, right, 0.6) == pytest.approx(0.21)
    assert threshold_for(confidences, right, 1.0) == pytest.approx(0.61)
    assert threshold_for(confidences, ~right, 1.0) == pytest.approx(0.95)

"""Which pairs of tracks and detections are possible, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking import association
from video_analysis.yolo_worker.tracking.association import DIFFERENT, TYPE_COST, Candidates

SETTINGS = TrackSettings()
CAR, MOTORCYCLE = 0, 5
Box = tuple[float, float, float, float]


def pair(
    detected: Box,
    *,
    predicted: Box = (0, 0, 100, 100),
    distance: float = 0.5,
    kind: int = CAR,
    travel: tuple[float, float] = (0, 0),
    travel_sizes: float | None = None,
    unseen_s: float = 0.04,
    is_known: bool = True,
) -> Candidates:
    """One track and one detection. The boxes are 100 px wide and high."""
    travelled = float(np.hypot(*travel)) / 100 if travel_sizes is None else travel_sizes
    return Candidates(
        predicted=np.array([predicted], np.float64),
        observed=np.array([predicted], np.float64),
        unseen_s=np.array([unseen_s]),
        step_s=0.04,
        travel=np.array([travel], np.float64),
        travel_sizes=np.array([travelled]),
        types=np.array([CAR]),
        detected=np.array([detected], np.float64),
        detected_types=np.array([kind]),
        distance=np.array([[distance]]),
        is_known=np.array([is_known]),
    )


def moved(by: float) -> Box:
    return (by, 0, 100 + by, 100)


def corners(*boxes: Box) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(boxes, np.float64).reshape(-1, 4)


def test_a_box_that_overlaps_one_prediction_only_is_certain() -> None:
    fresh = np.array([True, True])
    far = (300.0, 0.0, 400.0, 100.0)
    assert association.certain(corners(moved(0), far), corners(far, moved(5)), fresh) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("predicted", "detected", "fresh"),
    [
        ([moved(0)], [moved(60)], [True]),  # overlaps too little
        ([moved(0)], [moved(5), moved(80)], [True]),  # another detection is near
        ([moved(0), moved(80)], [moved(5)], [True, True]),  # another track is near
        ([moved(0), moved(80)], [moved(5)], [True, False]),  # also if it was lost before
        ([moved(0)], [moved(5)], [False]),  # the track was not detected in the previous frame
        ([], [moved(5)], []),
    ],
)
def test_otherwise_it_is_not(predicted: Sequence[Box], detected: Sequence[Box], fresh: Sequence[bool]) -> None:
    assert association.certain(corners(*predicted), corners(*detected), np.array(fresh, np.bool_)) == []


def test_the_cost_of_an_overlapping_pair_has_position_appearance_and_type() -> None:
    same = association.overlapping(pair(moved(0), distance=0.4), SETTINGS)
    assert same[0, 0] == pytest.approx(0.5 * 0.4)
    other_type = association.overlapping(pair(moved(0), distance=0.4, kind=MOTORCYCLE), SETTINGS)
    assert other_type[0, 0] - same[0, 0] == pytest.approx(TYPE_COST)


@pytest.mark.parametrize(
    ("by", "distance", "is_possible"), [(10, 2.4, True), (10, 2.6, False), (40, 1.8, False), (60, 0, False)]
)
def test_overlapping_pairs_of_different_appearance_are_impossible(
    by: float, distance: float, is_possible: bool
) -> None:
    assert np.isfinite(association.overlapping(pair(moved(by), distance=distance), SETTINGS)[0, 0]) == is_possible


@pytest.mark.parametrize(("by", "unseen_s", "is_possible"), [(100, 0.04, True), (200, 0.04, False), (200, 0.6, True)])
def test_a_similar_vehicle_is_possible_as_far_as_it_can_have_moved(
    by: float, unseen_s: float, is_possible: bool
) -> None:
    assert np.isfinite(association.alike(pair(moved(by), unseen_s=unseen_s), SETTINGS)[0, 0]) == is_possible
    assert np.isinf(association.alike(pair(moved(by), unseen_s=unseen_s, distance=1.1), SETTINGS)[0, 0])


def test_a_near_box_of_another_type_or_appearance_is_impossible() -> None:
    near = pair(moved(90), distance=1.5)
    assert np.isfinite(association.near(near, SETTINGS)[0, 0])
    assert np.isinf(association.near(replace(near, detected_types=np.array([MOTORCYCLE])), SETTINGS)[0, 0])
    assert np.isinf(association.near(replace(near, distance=np.array([[DIFFERENT + 0.1]])), SETTINGS)[0, 0])


def test_a_near_box_must_be_alike_after_a_gap() -> None:
    late = pair(moved(90), distance=1.5, unseen_s=SETTINGS.gap_s + 0.1)
    assert np.isinf(association.near(late, SETTINGS)[0, 0])
    assert np.isfinite(association.near(replace(late, step_s=2.0), SETTINGS)[0, 0]), "a single long step is no gap"
    assert np.isfinite(association.near(replace(late, distance=np.array([[0.9]])), SETTINGS)[0, 0])


@pytest.mark.parametrize("step", [association.alike, association.near])
def test_a_moving_vehicle_does_not_continue_behind_itself(step: association.Step) -> None:
    assert np.isfinite(step(pair(moved(90), travel=(80, 0)), SETTINGS)[0, 0])
    assert np.isinf(step(pair(moved(-90), travel=(80, 0)), SETTINGS)[0, 0])
    assert np.isfinite(step(pair(moved(-90), travel=(20, 0)), SETTINGS)[0, 0])
    assert np.isfinite(step(pair(moved(-90), travel=(80, 0), travel_sizes=0.4), SETTINGS)[0, 0])


def test_as_many_pairs_as_possible_are_assigned_at_the_lowest_cost() -> None:
    cost = np.array([[0.1, 0.2], [0.2, np.inf], [np.inf, np.inf]])
    assert association.assign(cost) == [(0, 1), (1, 0)]
    assert association.assign(np.full((2, 2), np.inf)) == []


def test_a_track_that_was_never_seen_whole_is_continued_whatever_its_appearance() -> None:
    """Beside its last box and over it, but not where only the appearance decides."""
    beside, far = moved(50), moved(300)
    for step in (association.overlapping, association.near):
        assert np.isinf(step(pair(beside, distance=3), SETTINGS)).all()
        assert np.isfinite(step(pair(beside, distance=3, is_known=False), SETTINGS)).all()
    assert np.isinf(association.alike(pair(beside, distance=3, is_known=False), SETTINGS)).all()
    assert np.isinf(association.near(pair(far, distance=3, is_known=False), SETTINGS)).all()
    late = pair(beside, distance=3, is_known=False, unseen_s=SETTINGS.gap_s + 1)
    assert np.isinf(association.near(late, SETTINGS)).all()

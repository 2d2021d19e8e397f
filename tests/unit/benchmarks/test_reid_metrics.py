"""Rank-1, mAP and AUC of vectors whose right values can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.benchmarks.reid.metrics import Pairs, Sightings, pairs, retrieval


def on_circle(*degrees: float) -> NDArray[np.float32]:
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def seen(vehicles: list[int], times_ms: list[int], segments: list[int] | None = None) -> Sightings:
    count = len(vehicles)
    return Sightings(
        "clip", np.array(vehicles), np.array(segments or [0] * count), np.array(times_ms), np.zeros((count, 4))
    )


def test_vehicles_that_keep_their_direction_are_all_found() -> None:
    found, vectors = seen([1, 2, 1, 2], [0, 0, 1000, 1000]), on_circle(0, 90, 5, 95)
    result = retrieval(found, vectors, 1000, after_gap=False)
    assert (result.queries, result.vehicles, result.rank1, result.mean_ap) == (4, 2, 1.0, 1.0)
    assert pairs(found, vectors, 1000).auc() == 1.0


def test_the_average_precision_of_a_vehicle_that_comes_second_is_a_half() -> None:
    found, vectors = seen([1, 2, 1], [0, 1000, 1000]), on_circle(0, 10, 20)
    result = retrieval(found, vectors, 1000, after_gap=False)
    assert (result.queries, result.rank1) == (1, 0.0)  # the third sighting has no other vehicle in its gallery
    assert result.mean_ap == pytest.approx(0.5)


def test_sightings_nearer_in_time_are_not_compared() -> None:
    found, vectors = seen([1, 2, 1, 2], [0, 0, 400, 1000]), on_circle(0, 90, 5, 95)
    assert len(pairs(found, vectors, 1000).same) == 1
    assert retrieval(found, vectors, 1000, after_gap=False).queries == 1


def test_after_a_gap_the_querys_own_segment_is_left_out() -> None:
    vehicles, times = [1, 1, 1, 2, 2], [0, 1000, 3000, 0, 3000]
    found, vectors = seen(vehicles, times, [0, 0, 1, 0, 0]), on_circle(0, 1, 40, 90, 91)
    whole, gap = (retrieval(found, vectors, 1000, after_gap=after) for after in (False, True))
    assert (whole.queries, gap.queries) == (5, 3)
    assert gap.vehicles == 1


@pytest.mark.parametrize(
    ("same", "different", "expected"), [([0.1, 0.2], [0.3, 0.4], 1), ([0.3], [0.1, 0.5], 0.5), ([0.2], [0.2], 0.5)]
)
def test_the_auc_is_the_share_of_pairs_in_the_right_order(
    same: list[float], different: list[float], expected: float
) -> None:
    assert Pairs(np.array(same), np.array(different)).auc() == pytest.approx(expected)


def test_pooled_pairs_keep_those_of_each_clip() -> None:
    parts = [Pairs(np.array([0.1]), np.array([0.5, 0.6])), Pairs(np.array([0.2]), np.array([0.7]))]
    pooled = Pairs.pooled(parts)
    assert (pooled.same.tolist(), pooled.different.tolist()) == ([0.1, 0.2], [0.5, 0.6, 0.7])
    assert pooled.quantiles()["different"]["0.5"] == 0.6

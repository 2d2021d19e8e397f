"""What tracked vehicles have looked like."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.yolo_worker.tracking.appearance_metric import Gallery
from video_analysis.yolo_worker.tracking.embedder import unit


def looks(count: int, seed: int = 3) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


def test_a_detection_is_as_far_as_from_the_most_alike_look_of_a_track() -> None:
    gallery, seen = Gallery(0.2, budget=40), looks(5)
    gallery.partial_fit(seen[:3], ["1", "1", "2"], ["1", "2"])
    expected = [
        [min(1 - seen[0] @ one, 1 - seen[1] @ one) for one in seen[3:]],
        [1 - seen[2] @ one for one in seen[3:]],
    ]
    np.testing.assert_allclose(gallery.distance(seen[3:], ["1", "2"]), expected, atol=1e-6)
    assert gallery.distance(seen[:1], ["1"])[0, 0] == pytest.approx(0, abs=1e-6)


def test_a_look_taken_over_pushes_no_other_out() -> None:
    gallery, seen = Gallery(0.2, budget=2), looks(2)
    for look in [seen[0], *[seen[1]] * 5]:
        gallery.partial_fit([look], ["1"], ["1"])
    assert gallery.distance(seen[:1], ["1"])[0, 0] == pytest.approx(0, abs=1e-6)


def test_no_more_looks_are_kept_than_the_budget_allows() -> None:
    gallery, seen = Gallery(0.2, budget=3), looks(4)
    for look in seen:
        gallery.partial_fit([look], ["1"], ["1"])
    assert gallery.distance(seen[:1], ["1"])[0, 0] > 0.01
    assert gallery.distance(seen[1:], ["1"])[0] == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_track_that_has_ended_is_forgotten() -> None:
    gallery, seen = Gallery(0.2, budget=3), looks(2)
    gallery.partial_fit(seen, ["1", "2"], ["1", "2"])
    gallery.partial_fit([], [], ["2"])
    assert set(gallery.samples) == {"2"}
    assert gallery.distance(seen, []).shape == (0, 2)

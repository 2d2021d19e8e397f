"""The motion filters follow boxes by time, whatever the number of frames."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.yolo_worker.tracking.geometry import Corner
from video_analysis.yolo_worker.tracking.kalman import KalmanBank

FRAME = np.array([0.0, 0.0, 640.0, 480.0])


def box(left: float, width: float = 60) -> Corner:
    return np.array([left, 100.0, left + width, 140.0])


def followed(interval_s: float, speed: float = 100) -> KalmanBank:
    """A box that moves right by `speed` px per second for four seconds."""
    bank = KalmanBank()
    bank.add(box(20)[None])
    for number in range(1, round(4 / interval_s) + 1):
        bank.predict(interval_s)
        bank.update([0], box(20 + speed * interval_s * number)[None])
    return bank


@pytest.mark.parametrize("interval_s", [0.02, 0.04, 0.1, 0.4])
def test_a_steady_motion_is_predicted_at_every_frame_rate(interval_s: float) -> None:
    bank = followed(interval_s)
    np.testing.assert_allclose(bank.speeds[0], [100, 0, 100, 0], atol=3)
    bank.predict(0.5)
    np.testing.assert_allclose(bank.boxes[0], box(470), atol=3)


def test_the_filters_of_several_boxes_do_not_influence_each_other() -> None:
    alone, two = followed(0.04), KalmanBank()
    two.add(np.stack([box(20), box(300)]))
    for number in range(1, 101):
        two.predict(0.04)
        two.update([1, 0], np.stack([box(300), box(20 + 4 * number)]))
    np.testing.assert_array_equal(two.boxes[0], alone.boxes[0])
    two.keep([1])
    np.testing.assert_allclose(two.boxes, [box(300)], atol=1e-9)


def test_a_box_that_is_cut_by_the_border_grows_and_then_moves_as_a_whole() -> None:
    bank = KalmanBank()
    bank.add(np.array([[0.0, 100, 20, 140]]))
    for number in range(1, 26):
        bank.predict(0.04)
        bank.update([0], np.array([[0.0, 100, 20 + 2 * number, 140]]))
    assert abs(bank.speeds[0, 0]) < 1
    bank.make_rigid([0], FRAME)
    assert bank.speeds[0, 0] == bank.speeds[0, 2] == pytest.approx(50, abs=5)


def test_a_box_that_grows_inside_the_frame_is_not_extrapolated_to_grow() -> None:
    bank = KalmanBank()
    bank.add(box(200)[None])
    for number in range(1, 26):
        bank.predict(0.04)
        bank.update([0], np.array([[200.0 - number, 100, 260 + 3 * number, 140]]))
    bank.make_rigid([0], FRAME)
    assert bank.speeds[0, 0] == bank.speeds[0, 2] == pytest.approx(25, abs=3)


def test_a_stopped_box_stays_where_it_was_put() -> None:
    bank = followed(0.04)
    bank.stop([0], box(300)[None])
    bank.predict(2.0)
    np.testing.assert_array_equal(bank.boxes[0], box(300))

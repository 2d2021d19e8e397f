"""The parts of the association that a whole track does not show."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking.vehicle_tracker import VehicleTracker, grown


def tracker(interval_s: float) -> VehicleTracker:
    return VehicleTracker(TrackSettings(), interval_s)


def test_a_box_grows_on_all_sides_by_a_share_of_its_size() -> None:
    boxes = np.array([(10.0, 20.0, 30.0, 60.0)])
    np.testing.assert_allclose(grown(boxes, 0.5), [(0, 0, 40, 80)])
    np.testing.assert_allclose(grown(boxes, 0), boxes)


@pytest.mark.parametrize(("interval_s", "factor"), [(0.04, 1), (0.125, 1), (0.26, 2), (0.39, 3)])
def test_speed_may_change_more_between_frames_that_lie_far_apart(interval_s: float, factor: float) -> None:
    usual = tracker(0.01).kf._std_weight_velocity
    assert tracker(interval_s).kf._std_weight_velocity == pytest.approx(usual * factor)


def test_trackers_share_no_filter() -> None:
    slow, usual = tracker(1.3), tracker(0.04)
    assert slow.kf._std_weight_velocity > usual.kf._std_weight_velocity

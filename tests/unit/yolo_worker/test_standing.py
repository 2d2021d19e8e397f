"""Standing vehicles are found again in their places, and no more of them are remembered than the limit allows."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.tests.support.tracks import Box, look, vehicle
from video_analysis.yolo_worker.tracking.observation import Observation
from video_analysis.yolo_worker.tracking.standing import MOST_PLACES, ParkedVehicles, in_place, is_merged
from video_analysis.yolo_worker.tracking.track_state import VehicleTrack
from video_analysis.yolo_worker.types import Embedding

PLACE: Box = (300, 100, 400, 160)
RED = look()


def standing(key: int = 1, place: Box = PLACE, seen_s: float = 5) -> VehicleTrack:
    track = vehicle(key, place, first_s=0)
    track.seen_s = seen_s
    return track


def observation(*boxes: Box, look: Embedding = RED) -> Observation:
    rows = np.array([(*box, 0.9, 0) for box in boxes], np.float32)
    seen = Observation(9.0, rows, (0.0, 0.0), (800, 600))
    seen.embed(range(len(boxes)), lambda embedded: np.stack([look] * len(embedded)))
    return seen


@pytest.mark.parametrize(
    ("box", "is_found"),
    [
        (PLACE, True),
        ((320, 110, 420, 170), True),  # overlaps the place
        ((300, 100, 330, 160), True),  # a part of the vehicle
        ((250, 60, 460, 220), False),  # something larger
        ((380, 100, 480, 160), False),  # beside it
    ],
)
def test_a_detection_in_the_place_shows_the_vehicle(box: Box, is_found: bool) -> None:
    assert in_place([standing()], observation(box), [0], 0.2) == ([(0, 0)] if is_found else [])


@pytest.mark.parametrize(
    ("box", "distance", "is_found"),
    [((305, 100, 405, 160), 0.12, True), ((320, 110, 420, 170), 0.12, False), ((305, 100, 405, 160), 0.16, False)],
)
def test_a_vehicle_whose_end_was_reported_is_found_in_the_same_place_and_look_only(
    box: Box, distance: float, is_found: bool
) -> None:
    late, seen = standing(), observation(box, look=look(distance))
    assert in_place([late], seen, [0], 0.2) == [(0, 0)]
    late.is_final = True
    assert bool(in_place([late], seen, [0], 0.2)) is is_found


def test_a_detection_of_another_appearance_does_not() -> None:
    green = np.array([0, 1], np.float32)
    assert in_place([standing()], observation(PLACE, look=green), [0], 0.2) == []


def test_each_vehicle_is_found_in_the_place_that_fits_best() -> None:
    beside: Box = (340, 100, 440, 160)
    found = in_place([standing(), standing(2, beside)], observation(beside, PLACE), [0, 1], 0.2)
    assert sorted(found) == [(0, 1), (1, 0)]


def test_a_box_that_contains_two_standing_vehicles_is_merged() -> None:
    pair = [standing(), standing(2, (404, 100, 500, 160))]
    both, one, part = (295, 95, 505, 165), (300, 100, 410, 160), (380, 100, 460, 160)
    assert [is_merged(pair, observation(box).boxes).tolist() for box in (both, one, part)] == [[True], [False], [False]]
    assert is_merged(pair[:1], observation(both).boxes).tolist() == [False]


def test_a_box_behind_two_standing_vehicles_that_are_detected_is_not_merged() -> None:
    """A truck behind two cars, with and without a track of its own."""
    pair, truck = [standing(), standing(2, (404, 100, 500, 160))], (290, 40, 510, 165)
    boxes = observation(PLACE, (404, 100, 500, 160), truck).boxes
    assert not is_merged(pair, boxes).any()
    assert not is_merged([*pair, standing(3, truck)], boxes).any()
    assert is_merged(pair, boxes[2:]).tolist() == [True]


def test_the_vehicles_that_were_seen_longest_ago_are_forgotten_beyond_the_limit() -> None:
    parked = ParkedVehicles()
    assert parked.keep([standing(key) for key in range(MOST_PLACES)]) == []
    forgotten = parked.keep([standing(MOST_PLACES), standing(MOST_PLACES + 1)])
    assert [track.key for track in forgotten] == [0, 1]
    assert len(parked.tracks) == MOST_PLACES


def test_a_vehicle_is_displaced_by_one_that_stands_in_its_place_only() -> None:
    parked = ParkedVehicles()
    parked.keep([standing(1), standing(2, (600, 100, 700, 160))])
    assert parked.displace([standing(3, (450, 100, 550, 160))]) == []
    assert [track.key for track in parked.displace([standing(4, (305, 100, 405, 160))])] == [1]
    assert [track.key for track in parked.tracks] == [2]


def test_vehicles_that_wait_for_long_are_overdue_until_they_are_reported() -> None:
    parked = ParkedVehicles()
    parked.keep([standing(1, seen_s=5), standing(2, seen_s=8)])
    (late,) = parked.overdue(before_s=6)
    assert late.key == 1
    late.is_reported = True
    assert parked.overdue(before_s=6) == []

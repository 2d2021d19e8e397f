"""A new track continues a vanished vehicle only if it can be the same one by time, way, size and appearance."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.tests.support.tracks import Box, look, vehicle
from video_analysis.yolo_worker.tracking.linking import RecentVehicles, chains, continued
from video_analysis.yolo_worker.tracking.track_state import (
    COURSE_S,
    COURSE_STEP_S,
    LEAST_COURSE_BOXES,
    VehicleTrack,
)

THRESHOLD, LONGEST_GAP_S = 0.2, 10
LAST: Box = (300, 100, 360, 140)
SIZE_PX = 49
"""The square root of the area of LAST."""
SPEED_PX = 100
"""Per second, to the right."""


def moved(box: Box, right: float, down: float = 0) -> Box:
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


def vanished(key: int = 1, box: Box = LAST, distance: float = 0) -> VehicleTrack:
    """It drove to the right for a second, and was last detected at second 5."""
    track = vehicle(key, moved(box, -SPEED_PX), first_s=4, distance=distance)
    for tenth in range(1, 11):
        track.observe(np.array(moved(box, -SPEED_PX + SPEED_PX * tenth / 10)), 4 + tenth / 10, 0, 0.8, 0)
    return track


def appeared(box: Box, at_s: float = 7, distance: float = 0) -> VehicleTrack:
    """A track of two detections; its appearance is this many thresholds away from that of a vanished vehicle."""
    track = vehicle(9, box, first_s=at_s, distance=distance * THRESHOLD)
    track.observe(np.array(box), at_s + 0.04, 0, 0.8, 0)
    return track


@pytest.mark.parametrize(
    ("box", "distance", "is_linked"),
    [
        (moved(LAST, 2 * SPEED_PX), 0.5, True),
        (moved(LAST, SPEED_PX / 2), 0.5, True),  # it stopped behind something
        (moved(LAST, 2 * SPEED_PX), 0.7, False),  # looks different
        (moved(LAST, -0.5 * SIZE_PX), 0.5, False),  # behind it
        (moved(LAST, 5 * SPEED_PX), 0.5, False),  # too far
        (moved(LAST, 2 * SPEED_PX, 2 * SIZE_PX), 0.5, False),  # beside its course
        ((460, 60, 600, 170), 0.5, False),  # more than twice as large
    ],
)
def test_a_track_two_seconds_later_continues_the_vehicle_or_not(box: Box, distance: float, is_linked: bool) -> None:
    pairs = continued([appeared(box, distance=distance)], [vanished()], [], THRESHOLD, LONGEST_GAP_S)
    assert pairs == ([(0, 0)] if is_linked else [])


@pytest.mark.parametrize(("distance", "is_linked"), [(0.75, True), (0.85, False)])
def test_in_the_place_of_a_vehicle_that_did_not_drive_a_larger_distance_is_allowed(
    distance: float, is_linked: bool
) -> None:
    stopped = vehicle(1, LAST, first_s=4)
    stopped.observe(np.array(moved(LAST, 2)), 4.5, 0, 0.8, 0)
    assert bool(continued([appeared(LAST, distance=distance)], [stopped], [], THRESHOLD, LONGEST_GAP_S)) is is_linked
    assert not continued([appeared(LAST, distance=0.75)], [vanished()], [], THRESHOLD, LONGEST_GAP_S)


@pytest.mark.parametrize(("at_s", "is_linked"), [(5.04, True), (5.0, False), (4.5, False), (14, True), (16, False)])
def test_a_vehicle_is_not_continued_at_the_same_time_nor_after_the_longest_gap(at_s: float, is_linked: bool) -> None:
    assert bool(continued([appeared(LAST, at_s)], [vanished()], [], THRESHOLD, LONGEST_GAP_S)) is is_linked


@pytest.mark.parametrize(("second_distance", "pairs"), [(0.1, []), (0.5, [(0, 0)])])
def test_a_track_that_can_continue_two_similar_vehicles_continues_none(
    second_distance: float, pairs: list[tuple[int, int]]
) -> None:
    second = vanished(2, moved(LAST, 20), -second_distance * THRESHOLD)
    assert continued([appeared(moved(LAST, SPEED_PX))], [vanished(), second], [], THRESHOLD, LONGEST_GAP_S) == pairs


@pytest.mark.parametrize(("cut", "is_linked"), [((0, 0), True), ((1, 0), False), ((-1, 0), True), ((0, 1), True)])
def test_a_vehicle_that_was_leaving_the_picture_is_not_continued(cut: tuple[int, int], is_linked: bool) -> None:
    """It drives to the right; its last box is cut by no edge, by the right one, the left one or the lower one."""
    older = vanished()
    older.exit = np.array(cut, np.float64)
    assert bool(continued([appeared(LAST)], [older], [], THRESHOLD, LONGEST_GAP_S)) is is_linked


@pytest.mark.parametrize(
    ("step_px", "is_linked"),
    [
        ((10, 0), True),
        ((-10, 0), False),
        ((-1, 0), True),  # a vehicle that turned does so slowly at first
        ((-4, 10), True),  # it turns to the side: 112 degrees
        ((-8, 10), False),  # 129 degrees
    ],
)
def test_a_vehicle_that_drives_against_the_course_is_another_one(step_px: tuple[float, float], is_linked: bool) -> None:
    new = appeared(moved(LAST, SPEED_PX))
    for tenth in range(1, 6):
        right, down = step_px[0] * tenth, step_px[1] * tenth
        new.observe(np.array(moved(LAST, SPEED_PX + right, down)), 7.04 + tenth / 10, 0, 0.8, 0)
    assert bool(continued([new], [vanished()], [], THRESHOLD, LONGEST_GAP_S)) is is_linked


def test_a_rival_that_is_only_a_little_too_different_makes_a_link_unclear() -> None:
    """It is above the largest distance itself, but within the margin of the other."""
    rival = vanished(2, moved(LAST, 10), distance=0.451)  # 0.65 thresholds from the new one, on its other side
    new = appeared(moved(LAST, 2 * SPEED_PX), distance=0.55)
    assert continued([new], [vanished()], [], THRESHOLD, LONGEST_GAP_S) == [(0, 0)]
    assert continued([new], [vanished(), rival], [], THRESHOLD, LONGEST_GAP_S) == []


def test_two_similar_tracks_that_can_continue_one_vehicle_do_not() -> None:
    both = [appeared(moved(LAST, SPEED_PX)), appeared(moved(LAST, 2 * SPEED_PX))]
    assert continued(both, [vanished()], [], THRESHOLD, LONGEST_GAP_S) == []


def test_an_earlier_track_that_can_continue_the_vehicle_as_well_makes_a_link_unclear() -> None:
    new, rival = appeared(moved(LAST, 2 * SPEED_PX)), appeared(moved(LAST, SPEED_PX), at_s=6, distance=0.1)
    elsewhere = appeared(moved(LAST, -5 * SPEED_PX), at_s=6)
    assert continued([new], [vanished()], [elsewhere], THRESHOLD, LONGEST_GAP_S) == [(0, 0)]
    assert continued([new], [vanished()], [elsewhere, rival], THRESHOLD, LONGEST_GAP_S) == []


def test_the_parts_of_a_standing_vehicle_are_in_its_place() -> None:
    """The whole vehicle is seen, then its left half, then its right half, then a piece between."""
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    for tenth in range(1, 19):
        left, right = (100, 200) if tenth < 13 else (100, 150) if tenth < 17 else (150, 200)
        track.observe(np.array([left, 100.0, right, 160]), tenth / 10, 0, 0.8, 0)
    assert track.is_standing()
    assert continued([appeared((130, 110, 170, 150), distance=0.75)], [track], [], THRESHOLD, LONGEST_GAP_S) == [(0, 0)]


def test_a_slow_vehicle_leaves_its_place_although_it_was_in_it_for_a_second() -> None:
    """It moves to the side by half of its width: such a box is not a part of it."""
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    for tenth in range(1, 15):
        track.observe(np.array([100.0, 100, 200, 160]), tenth / 10, 0, 0.8, 0)
    assert track.is_standing()
    track.observe(np.array([150.0, 100, 250, 160]), 1.5, 0, 0.8, 0)
    assert (track.place_s, track.off_place_s, track.is_standing()) == (1.5, None, False)
    assert track.place.tolist() == [150, 100, 250, 160]


@pytest.mark.parametrize("interval_s", [0.04, 0.12, 0.4])
@pytest.mark.parametrize(("widths_per_s", "is_standing"), [(0.1, True), (0.4, False)])
def test_a_vehicle_stands_below_a_speed_whatever_the_time_between_two_frames(
    interval_s: float, widths_per_s: float, is_standing: bool
) -> None:
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    for number in range(1, round(4 / interval_s)):
        left = 100 + 100 * widths_per_s * interval_s * number
        track.observe(np.array([left, 100, left + 100, 160]), interval_s * number, 0, 0.8, 0)
    assert track.is_standing() is is_standing


@pytest.mark.parametrize("interval_s", [0.04, 0.12, 0.4, 1.0])
def test_a_course_has_the_boxes_of_a_time_whatever_the_time_between_two_frames(interval_s: float) -> None:
    """The vehicle stood for 15 s and has driven for 10 s: of its course only the latter is left."""
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    for number in range(1, round(25 / interval_s)):
        right = 10 * max(0.0, number * interval_s - 15)
        track.observe(np.array([100 + right, 100, 200 + right, 160]), number * interval_s, 0, 0.8, 0)
    assert COURSE_S <= track.seen_s - track.course[0][0] < COURSE_S + COURSE_STEP_S + interval_s
    np.testing.assert_allclose(track.velocity(), [10, 0])
    assert track.is_motion_known()


def test_a_detection_with_an_earlier_time_does_not_move_the_place() -> None:
    """Live cameras set their clocks back."""
    track = vehicle(1, (100, 100, 200, 160), first_s=10)
    track.observe(np.array([110.0, 100, 210, 160]), 5, 0, 0.8, 0)
    assert track.place.tolist() == [100, 100, 200, 160]


def test_a_course_of_few_frames_keeps_enough_boxes() -> None:
    """Frames every six seconds: four boxes are kept, 18 s."""
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    for number in range(1, 10):
        track.observe(np.array([100.0 + number, 100, 200 + number, 160]), 6.0 * number, 0, 0.8, 0)
    assert (len(track.course), track.travel().tolist()) == (LEAST_COURSE_BOXES, [3, 0])
    assert track.is_motion_known()


def test_a_part_of_a_vehicle_is_not_far_from_the_whole_one() -> None:
    """The left half of a standing vehicle is detected: the distance counts in sizes of the whole vehicle."""
    track = vehicle(1, (100, 100, 200, 160), first_s=0)
    track.observe(np.array([100.0, 130, 125, 160]), 0.4, 0, 0.8, 0)
    assert track.travel_sizes() == pytest.approx(np.hypot(37.5, 15) / np.sqrt(100 * 60))


def test_three_tracks_of_one_vehicle_are_a_chain() -> None:
    """The third could continue the first as well, but the second is between them."""
    second = appeared(moved(LAST, SPEED_PX), at_s=6, distance=0.2)
    for tenth in range(1, 6):
        second.observe(np.array(moved(LAST, SPEED_PX + SPEED_PX * tenth / 10)), 6 + tenth / 10, 0, 0.8, 0)
    third = appeared(moved(LAST, 3 * SPEED_PX), at_s=8, distance=0.3)
    assert chains([vanished(), second, third], THRESHOLD, LONGEST_GAP_S) == [(1, 0), (2, 1)]


def test_a_track_between_two_others_excludes_their_link_only_if_it_is_as_near_to_both() -> None:
    """The third track resembles the first more than the second, which resembles neither as much."""
    second = appeared(moved(LAST, SPEED_PX), at_s=6, distance=-0.5)
    for tenth in range(1, 6):
        second.observe(np.array(moved(LAST, SPEED_PX + SPEED_PX * tenth / 10)), 6 + tenth / 10, 0, 0.8, 0)
    third = appeared(moved(LAST, 3 * SPEED_PX), at_s=8, distance=0.3)
    assert chains([vanished(), second, third], THRESHOLD, LONGEST_GAP_S) == [(2, 0)]


def test_a_place_alone_makes_no_chain() -> None:
    """At its end a vehicle is not linked to one that stands in its place later, but differs or is behind it."""
    stopped = vehicle(1, LAST, first_s=4)
    for tenth in range(1, 15):
        stopped.observe(np.array(LAST), 4 + tenth / 10, 0, 0.8, 0)
    later = appeared(LAST, distance=0.75)
    assert continued([later], [stopped], [], THRESHOLD, LONGEST_GAP_S) == [(0, 0)]
    assert chains([stopped, later], THRESHOLD, LONGEST_GAP_S) == []


def test_a_linked_track_has_the_identity_and_the_appearances_of_the_older_one() -> None:
    older, new = vanished(), appeared(LAST)
    older.track_id, older.is_final, older.is_reported, older.confidence = 4, True, True, 0.95
    older.learn(look(0.1), is_whole=True)
    new.is_whole = False
    new.continue_from(older)
    assert (new.track_id, new.is_final, new.is_reported, new.confidence, new.key) == (4, True, False, 0.95, 9)
    assert new.is_whole
    assert (new.first_s, new.first_box.tolist()) == (4, [*moved(LAST, -SPEED_PX)])
    assert len(new.gallery) == 3


def test_vanished_vehicles_are_forgotten_after_their_wait() -> None:
    store, early, late = RecentVehicles(), vanished(1), vanished(2)
    late.seen_s = 6
    store.keep([early, late])
    assert store.overdue(before_s=5) == []
    assert store.overdue(before_s=5.5) == [early]
    store.discard([late])
    assert store.clear() == []

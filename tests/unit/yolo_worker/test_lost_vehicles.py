"""Vehicles that are lost: they left the picture, vanished inside it, or stand and are hidden. Some are found again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from video_analysis.tests.support.coloured_film import (
    BLUE,
    GREEN,
    SETTINGS,
    WIDTH_PX,
    MeanColour,
    Vehicle,
    driving,
    film,
    follow,
    keys,
    numbers,
    seen_only,
)
from video_analysis.worker_config import BestSettings, TrackSettings
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.tracking.track_state import VehicleTrack
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Box


def test_a_vehicle_hidden_for_a_second_is_recognised_by_its_appearance() -> None:
    tracked = follow(film(60, Vehicle(seen_only(driving(20, 4), lambda index: not 20 <= index < 45))))
    assert len(keys(tracked)) == 1


def seen_from(first: int, count: int) -> Callable[[int], bool]:
    return lambda index: first <= index < first + count


def alive_tracks() -> int:
    return sum(type(one) is VehicleTrack for one in gc.get_objects())


UNLIKE = (16, 219, 121)
"""Two thresholds from RED: it continues a red track only where that is expected."""


def test_a_vehicle_that_grew_is_expected_at_its_speed_but_not_larger() -> None:
    """It is hidden for a second."""
    growing = Vehicle(seen_only(lambda index: (200, 100, 260 + 4 * index, 140), lambda index: index < 15))
    later = Vehicle(seen_only(driving(200 - 2 * 14, 2, width=116), lambda index: index >= 40), UNLIKE)
    assert keys(follow(film(60, growing, later))) == {1}


def test_a_vehicle_that_hardly_moved_is_expected_where_it_was() -> None:
    """It is hidden for a second."""
    crawling = Vehicle(seen_only(driving(200, 0.8), lambda index: index < 15))
    later = Vehicle(seen_only(driving(200 + 0.8 * 14, 0), lambda index: index >= 40), UNLIKE)
    assert keys(follow(film(60, crawling, later))) == {1}


def test_another_vehicle_at_the_same_place_a_second_later_is_another_track() -> None:
    red = Vehicle(seen_only(driving(20, 4), lambda index: index < 20))
    green = Vehicle(seen_only(driving(20, 4), lambda index: index >= 45), GREEN)
    assert len(numbers(follow(film(60, red, green)))) == 2


@pytest.mark.parametrize(
    ("place", "last_seen"),
    [
        (driving(600, 12), 11),
        (driving(140, -12), 11),
        (lambda index: (300, 240 - 60 + 5 * index, 360, 240 - 20 + 5 * index), 4),
    ],
)
def test_a_vehicle_that_has_left_the_frame_ends_soon_afterwards(place: Callable[[int], Box], last_seen: int) -> None:
    tracked = follow(film(60, Vehicle(seen_only(place, lambda index: index <= last_seen))))
    (ended,) = (frame.frame.index for frame in tracked if frame.ended)
    assert last_seen < ended <= last_seen + 12


@pytest.mark.parametrize(
    ("place", "wait_frames"), [(driving(300, 5), 4 * 25), (driving(740, 0), 37), (driving(770, 0, width=30), 37)]
)
def test_a_hidden_vehicle_ends_by_its_age_at_the_edge_and_else_by_its_wait(
    place: Callable[[int], Box], wait_frames: int
) -> None:
    """The age is 1.5 s, 37.5 frames."""
    tracked = follow(film(120, Vehicle(seen_only(place, lambda index: index < 10))), TrackSettings(link_s=4))
    (ended,) = (frame.frame.index for frame in tracked if frame.ended)
    assert ended - 9 in (wait_frames, wait_frames + 1)


def test_a_vehicle_like_the_one_that_left_the_frame_a_second_before_is_another_track() -> None:
    first = Vehicle(seen_only(driving(440, 15), lambda index: index < 20))
    second = Vehicle(seen_only(driving(690 - 42 * 3, 3), lambda index: index >= 42))
    tracked = follow(film(60, first, second, stride=3))
    assert numbers(tracked) == {1, 2}


def test_a_vehicle_that_vanished_inside_the_picture_ends_after_its_wait_and_only_once() -> None:
    tracked = follow(film(160, Vehicle(seen_only(driving(20, 4), lambda index: index < 20))), TrackSettings(link_s=4))
    (key,) = keys(tracked)
    assert {frame.frame.index: list(frame.ended) for frame in tracked if frame.ended} == {19 + 4 * 25 + 1: [key]}


@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_vehicle_that_is_hidden_on_its_way_is_linked_and_ends_once(stride: int) -> None:
    hidden = range(40, 100)
    car = Vehicle(seen_only(driving(20, 4), lambda index: index not in hidden))
    other = Vehicle(seen_only(driving(20, 4, top=180), lambda index: index not in hidden), BLUE)
    tracked = follow(film(160, car, other, stride=stride))
    assert numbers(tracked) == {1, 2}
    assert len(keys(tracked)) == 4
    assert not any(frame.ended for frame in tracked)


HIDDEN, OBSCURED = range(40, 100), range(100, 106)
"""Frames in which a car is hidden, and those in which another colour is in front of it."""


@pytest.mark.parametrize(
    ("frames", "link_s", "linked_at"),
    [
        (160, 10, 159),  # at the end of the video
        (175, 5, 165),  # before the first part of its way is emitted
        (205, 10, 196),  # before the second part is emitted, because it has left the picture
    ],
)
def test_a_vehicle_is_linked_before_its_end_if_its_first_view_was_poor(
    frames: int, link_s: int, linked_at: int
) -> None:
    place = driving(20, 4)
    car = Vehicle(seen_only(place, lambda index: index not in HIDDEN and index not in OBSCURED and index < 194))
    poor = Vehicle(seen_only(place, lambda index: index in OBSCURED), BLUE)
    tracked = follow(film(frames, car, poor), TrackSettings(link_s=link_s, embed_interval_s=0))
    first, second = sorted(keys(tracked))
    links = {frame.frame.index: dict(frame.links) for frame in tracked if frame.links}
    assert links.popitem() == (linked_at, {second: 1})
    assert first not in {key for frame in tracked for key in frame.ended}


def parked(index: int) -> Box:
    return (300, 60, 390, 120)


@pytest.mark.parametrize("pause_s", [2, 8, 20])
@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_standing_vehicle_that_is_hidden_is_found_again_in_its_place(pause_s: int, stride: int) -> None:
    hidden = range(50, 50 + 25 * pause_s)
    car = Vehicle(seen_only(parked, lambda index: index not in hidden))
    tracked = follow(film(hidden.stop + 30, car, stride=stride))
    (key,) = keys(tracked)
    assert numbers(tracked) == {1}
    assert sum(list(frame.ended).count(key) for frame in tracked) == (pause_s > SETTINGS.link_s)


def test_a_standing_vehicle_that_is_not_found_again_ends_after_its_wait_and_only_once() -> None:
    settings = TrackSettings(link_s=4)
    tracked = follow(film(300, Vehicle(seen_only(parked, lambda index: index < 50))), settings)
    (ended,) = (frame.frame.index for frame in tracked if frame.ended)
    assert ended == 49 + 4 * 25 + 1


def test_another_vehicle_in_the_place_of_a_standing_one_ends_it_and_is_another_track() -> None:
    first = Vehicle(seen_only(parked, lambda index: index < 50))
    second = Vehicle(seen_only(parked, lambda index: index >= 100), GREEN)
    tracked = follow(film(160, first, second))
    assert numbers(tracked) == {1, 2}
    (ended,) = (frame.frame.index for frame in tracked if frame.ended)
    assert ended == 100 + 25  # it has been standing for a second


def test_a_standing_vehicle_of_which_a_part_is_seen_keeps_its_track_and_its_place() -> None:
    def place(index: int) -> Box:
        return (300, 60, 330, 120) if 50 <= index < 80 else parked(index)

    tracked = follow(film(120, Vehicle(place)))
    assert keys(tracked) == {1}


def test_a_box_that_contains_two_standing_vehicles_starts_no_track_and_moves_none() -> None:
    def merged(index: int) -> bool:
        return 50 <= index < 80

    first = Vehicle(seen_only(parked, lambda index: not merged(index)))
    second = Vehicle(seen_only(lambda index: (392, 62, 470, 118), lambda index: not merged(index)), GREEN)
    both = Vehicle(seen_only(lambda index: (300, 60, 470, 120), merged))
    tracked = follow(film(120, first, second, both))
    assert numbers(tracked) == {1, 2}
    assert [len(frame.tracks) for frame in tracked] == [2] * 50 + [0] * 30 + [2] * 40


def test_a_bus_that_stops_where_two_cars_stood_before_has_a_number() -> None:
    cars = [
        Vehicle(seen_only(parked, lambda index: index < 50)),
        Vehicle(seen_only(lambda index: (392, 62, 470, 118), lambda index: index < 50), GREEN),
    ]
    bus = Vehicle(seen_only(lambda index: (270, 40, 500, 130), lambda index: index >= 90), BLUE)
    assert numbers(follow(film(200, *cars, bus))) == {1, 2, 3}


def test_a_truck_that_stops_behind_two_standing_cars_has_a_number() -> None:
    cars = [Vehicle(parked), Vehicle(lambda index: (392, 62, 470, 118), GREEN)]
    truck = Vehicle(seen_only(lambda index: (280, 10, 490, 121), lambda index: index >= 60), BLUE)
    tracked = follow(film(120, truck, *cars))
    assert numbers(tracked) == {1, 2, 3}
    assert [len(frame.tracks) for frame in tracked] == [2] * 60 + [3] * 60


def test_a_standing_vehicle_without_a_snapshot_is_found_again_as_easily_after_its_end() -> None:
    """Its detections were not confident: nothing of it is final. Later it is seen a little beside its place."""
    weak = Vehicle(seen_only(parked, lambda index: index < 50), confidence=0.35)
    beside = Vehicle(seen_only(lambda index: (325, 60, 415, 120), lambda index: index >= 250))
    tracked = follow(film(280, weak, beside), TrackSettings(link_s=4))
    assert (len(keys(tracked)), numbers(tracked)) == (1, {1})


def test_a_standing_vehicle_that_is_found_after_its_end_has_its_number_again() -> None:
    """So sinks know whose track it is, and drop it when another track continues it."""
    car = Vehicle(seen_only(parked, lambda index: index < 50 or 250 <= index < 300))
    tracked = follow(film(300, car), TrackSettings(link_s=4))
    (key,) = keys(tracked)
    assert {frame.frame.index: list(frame.links) for frame in tracked if frame.links} == {
        2: [(key, 1)],
        250: [(key, 1)],
    }


def test_a_standing_vehicle_keeps_its_place_while_the_camera_pans() -> None:
    hidden = range(50, 120)
    frames = film(
        160,
        Vehicle(
            seen_only(lambda index: (100 + 2 * index, 60, 190 + 2 * index, 120), lambda index: index not in hidden)
        ),
    )
    panned = [replace(one, shift=(2.0 * one.frame.index, 0.0)) for one in frames]
    assert numbers(follow(iter(panned))) == {1}


def test_a_rival_that_has_left_the_picture_still_makes_a_link_unclear() -> None:
    """Two vehicles appear where the first can be; the one that leaves again is emitted before the first one's wait."""
    first = Vehicle(seen_only(driving(100, 4), lambda index: index < 30))
    leaving = Vehicle(seen_only(driving(400 - 12 * 80, 12, top=85), lambda index: 80 <= index < 109))
    staying = Vehicle(seen_only(driving(400 - 2 * 80, 2, top=130), lambda index: index >= 80))
    settings = TrackSettings(link_s=4)
    assert numbers(follow(film(200, first, staying), settings)) == {1}
    links = [link for frame in follow(film(200, first, leaving, staying), settings) for link in frame.links]
    assert [track_id for _, track_id in links] == [1, 2, 3]


@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_vehicle_that_follows_a_standing_one_is_another_one(stride: int) -> None:
    """The first stops for 1.5 s and is hidden. The second comes on the same way, and looks the same."""
    first = Vehicle(seen_only(lambda index: driving(20, 4)(min(index, 100)), lambda index: index < 138))
    second = Vehicle(seen_only(driving(20 - 4 * 168, 4), seen_from(168, 90)))
    assert numbers(follow(film(300, first, second, stride=stride))) == {1, 2}


@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_vehicle_behind_one_that_stopped_seconds_ago_does_not_continue_its_track(stride: int) -> None:
    first = Vehicle(seen_only(lambda index: driving(20, 4)(min(index, 100)), lambda index: index < 200))
    second = Vehicle(seen_only(driving(340, 0), lambda index: index >= 210))
    assert len(keys(follow(film(260, first, second, stride=stride)))) == 2


def turning(index: int) -> Box:
    """It turns to the right by 90 degrees after 3 s."""
    return driving(20 + 4 * min(index, 75), 0, top=40 + 3 * max(0, index - 75), height=50)(index)


def reversing(index: int) -> Box:
    """It stops after 3 s, and goes back after 4.6 s."""
    return driving(20 + 5 * min(index, 75) - 2 * max(0, index - 115), 0)(index)


def starting(index: int) -> Box:
    """It waits for 6 s."""
    return driving(60 + 5 * max(0, index - 150), 0, height=50)(index)


@pytest.mark.parametrize("stride", [3, 6])
@pytest.mark.parametrize(("place", "hidden_at"), [(turning, 105), (turning, 135), (reversing, 155), (starting, 175)])
def test_a_vehicle_is_linked_by_its_latest_motion(place: Callable[[int], Box], hidden_at: int, stride: int) -> None:
    """It is hidden for 2.4 s."""
    hidden = range(hidden_at, hidden_at + 60)
    car = Vehicle(seen_only(place, lambda index: index not in hidden))
    tracked = follow(film(hidden.stop + 40, car, stride=stride, size=(WIDTH_PX, 600)))
    assert (len(keys(tracked)), numbers(tracked)) == (2, {1})


def test_a_vehicle_keeps_its_track_when_the_clock_is_set_back() -> None:
    frames = film(100, Vehicle(driving(100, 5)))
    back = [
        one if one.frame.index < 50 else replace(one, frame=replace(one.frame, offset_ms=one.frame.offset_ms - 60_000))
        for one in frames
    ]
    assert keys(follow(iter(back))) == {1}


def test_an_emitted_vehicle_that_a_new_track_may_continue_makes_its_link_unclear() -> None:
    """The emitted one was cut by the edge of the picture, and ended by its age."""
    settings = TrackSettings(link_s=10)
    emitted = Vehicle(seen_only(lambda index: (0, 100, 20 + 4 * index, 150), lambda index: index < 30))
    vanished = Vehicle(seen_only(driving(20, 3, top=165, height=45), lambda index: index < 30))
    new = Vehicle(seen_only(driving(180 - 2 * 110, 2, top=130, width=70, height=48), lambda index: index >= 110))
    assert numbers(follow(film(200, vanished, new), settings)) == {1}
    assert numbers(follow(film(200, emitted, vanished, new), settings)) == {1, 2, 3}
    assert numbers(follow(film(200, emitted, new), settings)) == {1, 2}


def test_no_vehicle_is_linked_to_an_emitted_one_at_its_end() -> None:
    """The first is emitted while it is hidden at the edge. The first view of the second is poor."""
    emitted = Vehicle(seen_only(lambda index: (0, 100, 20 + 4 * index, 150), lambda index: index < 30))
    place = driving(100, 2, top=105, width=70, height=48)
    poor = Vehicle(seen_only(lambda index: place(index - 80), lambda index: 80 <= index < 86), BLUE)
    new = Vehicle(seen_only(lambda index: place(index - 80), lambda index: index >= 86))
    tracked = follow(film(140, emitted, poor, new), TrackSettings(link_s=10, embed_interval_s=0))
    assert [track_id for frame in tracked for _, track_id in frame.links] == [1, 2]


def test_the_memory_of_emitted_vehicles_is_bounded() -> None:
    """Every second another vehicle drives through the picture in two seconds."""
    cars = [Vehicle(seen_only(driving(20 - 20 * first, 20), seen_from(first, 36))) for first in range(0, 500, 25)]
    before = alive_tracks()
    frames = Tracker(MeanColour(), TrackSettings(link_s=2)).track(film(500, *cars))
    assert max(keys(list(islice(frames, 490)))) == 20
    assert alive_tracks() - before <= 8


def test_a_standing_vehicle_that_is_found_after_its_end_ends_again_when_it_leaves() -> None:
    """Its snapshot is final, but what sinks keep of the track that is seen again must be dropped."""
    away = driving(300 - 12 * 300, 12, top=60, width=90, height=60)
    last_seen = 300 + (WIDTH_PX - 90 - 300) // 12

    def place(index: int) -> Box:
        return parked(index) if index < 300 else away(index)

    car = Vehicle(seen_only(place, lambda index: index < 50 or 250 <= index <= last_seen))
    tracked = follow(film(400, car), TrackSettings(link_s=4))
    assert numbers(tracked) == {1}
    first, last = (frame.frame.index for frame in tracked if frame.ended)
    assert first == 49 + 4 * 25 + 1
    assert last_seen < last < last_seen + 12
    sink = BestShotSink(BestSettings(), 0.1)
    shots = [len(list(sink.observe(frame))) for frame in tracked]
    assert [count for count in shots if count] == [1]
    assert list(sink.close()) == []

"""Tracks of coloured boxes: they get a track_id when confirmed, have the boxes of the detections, and end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from operator import eq

import numpy as np
import pytest

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.embedder import unit
from video_analysis.yolo_worker.tracking.settings import hits
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Box, Boxes, DetectedFrame, Embeddings, Frame, TrackedFrame

SETTINGS = TrackSettings()
RED, GREEN, BLUE = (30, 30, 220), (30, 220, 30), (220, 30, 30)
HEIGHT_PX, WIDTH_PX = 240, 800


class MeanColour:
    """An embedding that is the mean colour: enough to distinguish coloured boxes."""

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        crops = [frame.image[int(y1) : int(y2), int(x1) : int(x2)] for x1, y1, x2, y2 in boxes[:, :4]]
        return unit(np.array([crop.mean((0, 1)) for crop in crops], np.float32).reshape(-1, 3))


@dataclass(frozen=True)
class Vehicle:
    """A coloured box; `place` gives its position in each frame, None while it is hidden."""

    place: Callable[[int], Box | None]
    colour: tuple[int, int, int] = RED
    confidence: float = 0.8
    type: str = "Car"


def driving(
    start: float, step: float, *, top: float = 100, width: float = 60, height: float = 40
) -> Callable[[int], Box]:
    return lambda index: (start + step * index, top, start + step * index + width, top + height)


def seen_only(place: Callable[[int], Box], visible: Callable[[int], bool]) -> Callable[[int], Box | None]:
    return lambda index: place(index) if visible(index) else None


def film(
    count: int, *vehicles: Vehicle, stride: int = 1, first: int = 0, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)
) -> Iterator[DetectedFrame]:
    for index in range(first, first + count, stride):
        image = np.full((size[1], size[0], 3), 90, np.uint8)
        rows = []
        for vehicle in vehicles:
            box = vehicle.place(index)
            if box is not None:
                x1, y1, x2, y2 = (round(side) for side in box)
                image[y1:y2, x1:x2] = vehicle.colour
                rows.append((*box, vehicle.confidence, YOLO_TYPES.index(vehicle.type)))
        yield DetectedFrame(Frame(index, 40 * index, image), np.array(rows, np.float32).reshape(-1, 6))


def follow(frames: Iterator[DetectedFrame], settings: TrackSettings = SETTINGS) -> list[TrackedFrame]:
    return list(Tracker(MeanColour(), settings).track(frames))


def at_interval(frames: Iterator[DetectedFrame], interval_s: float) -> Iterator[DetectedFrame]:
    for number, detected in enumerate(frames):
        yield replace(detected, frame=replace(detected.frame, offset_ms=round(1000 * interval_s * number)))


def keys(tracked: Sequence[TrackedFrame]) -> set[int]:
    return {track.key for frame in tracked for track in frame.tracks}


def numbers(tracked: Sequence[TrackedFrame]) -> set[int]:
    return {track_id for frame in tracked for track_id in frame.links.values()}


@pytest.mark.parametrize(
    "size", [(2 * WIDTH_PX, 2 * HEIGHT_PX), (WIDTH_PX // 2, HEIGHT_PX // 2), (HEIGHT_PX, WIDTH_PX)]
)
def test_a_new_frame_size_ends_all_tracks_and_numbers_continue(size: tuple[int, int]) -> None:
    """The vehicle is in the same place, in pixels, before and after the change."""
    vehicle = Vehicle(lambda index: (30, 60, 90, 100))
    tracked = follow(chain(film(20, vehicle), film(20, vehicle, first=20, size=size)))
    assert [frame.ended for frame in tracked if frame.ended] == [[tracked[0].tracks[0].key]]
    assert tracked[20].ended == [tracked[0].tracks[0].key]
    assert [list(frame.links.values()) for frame in tracked if frame.links] == [[1], [2]]
    assert len(keys(tracked)) == 2


def test_a_vehicle_is_numbered_at_its_third_frame_and_its_first_ones_have_the_same_key() -> None:
    tracked = follow(film(6, Vehicle(driving(20, 5))))
    (key,) = keys(tracked)
    assert [frame.links for frame in tracked] == [{}, {}, {key: 1}, {}, {}, {}]


def test_a_track_has_the_box_confidence_and_type_of_its_detection_in_that_frame() -> None:
    frames = list(film(12, Vehicle(lambda index: driving(20, 7 + index % 3)(index), confidence=0.61, type="Van")))
    for detected, frame in zip(frames, follow(iter(frames)), strict=True):
        (track,) = frame.tracks
        assert (*track.box, track.confidence) == tuple(detected.boxes[0, :5].tolist())
        assert track.type == "Van"
        assert frame.frame is detected.frame


def test_a_vehicle_that_is_not_seen_in_a_frame_has_no_track_there_and_goes_on_afterwards() -> None:
    hidden = range(8, 14)
    tracked = follow(film(20, Vehicle(seen_only(driving(20, 6), lambda index: index not in hidden))))
    assert [frame.frame.index for frame in tracked if not frame.tracks] == list(hidden)
    assert len(keys(tracked)) == 1


def test_a_vehicle_hidden_for_a_second_is_recognised_by_its_appearance() -> None:
    tracked = follow(film(60, Vehicle(seen_only(driving(20, 4), lambda index: not 20 <= index < 45))))
    assert len(keys(tracked)) == 1


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


def test_a_vehicle_that_grows_at_the_edge_is_one_track_although_it_changes_its_look() -> None:
    """Its front is seen first, cut by the frame's edge; then it is not detected in two frames."""
    way = driving(-60, 12)
    front = seen_only(lambda index: (0, *way(index)[1:]), lambda index: index in range(2, 6))
    tracked = follow(film(30, Vehicle(front, BLUE), Vehicle(seen_only(way, lambda index: index >= 8))))
    assert len(keys(tracked)) == 1


def test_a_single_false_detection_ends_in_the_next_frame_without_a_number() -> None:
    tracked = follow(film(6, Vehicle(seen_only(driving(20, 4), lambda index: index == 2))))
    assert [list(frame.ended) for frame in tracked] == [[], [], [], [1], [], []]
    assert numbers(tracked) == set()


def test_numbers_count_vehicles_from_one_despite_false_detections_between_them() -> None:
    false_detections = [Vehicle(seen_only(driving(400, 0, top=10 + 5 * n), partial(eq, 2 * n))) for n in range(8)]
    first = Vehicle(driving(20, 4))
    second = Vehicle(seen_only(driving(20, 4, top=180), lambda index: index >= 16), BLUE)
    tracked = follow(film(24, *false_detections, first, second))
    assert numbers(tracked) == {1, 2}
    assert max(keys(tracked)) > 2


@pytest.mark.parametrize("widths", [0.3, 0.75, 0.9, 1.0])
@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_vehicle_that_jumps_by_its_own_width_from_frame_to_frame_is_one_track(widths: float, stride: int) -> None:
    step = 60 * widths / stride
    tracked = follow(film(11 * stride, Vehicle(driving(5, step)), stride=stride))
    assert [len(frame.tracks) for frame in tracked] == [1] * 11
    assert len(keys(tracked)) == 1
    assert numbers(tracked) == {1}


def test_a_vehicle_that_comes_near_at_a_large_stride_is_one_track() -> None:
    def nearing(index: int) -> Box:
        size = 20 * 1.05**index
        return (100 + size, 10 + size / 4, 100 + 2.5 * size, 10 + 1.25 * size)

    tracked = follow(film(45, Vehicle(nearing), stride=10))
    assert len(tracked) == 5
    assert len(keys(tracked)) == 1
    assert numbers(tracked) == {1}


def test_two_vehicles_one_behind_the_other_stay_two() -> None:
    tracked = follow(film(30, Vehicle(driving(20, 12)), Vehicle(driving(95, 12)), stride=3))
    by_key = {
        key: [track.box[0] for frame in tracked for track in frame.tracks if track.key == key] for key in keys(tracked)
    }
    assert sorted(places[0] for places in by_key.values()) == [20, 95]
    assert all(len(places) == len(tracked) for places in by_key.values())


def test_a_vehicle_without_a_confident_detection_has_no_number() -> None:
    assert numbers(follow(film(20, Vehicle(driving(20, 4), confidence=0.35)))) == set()


def types_by_key(tracked: Sequence[TrackedFrame]) -> list[list[str]]:
    types: dict[int, set[str]] = {}
    for frame in tracked:
        for track in frame.tracks:
            types.setdefault(track.key, set()).add(track.type)
    return sorted(map(sorted, types.values()))


def test_a_vehicle_whose_class_flickers_between_car_and_motorcycle_is_one_track() -> None:
    car = Vehicle(seen_only(driving(20, 5), lambda index: index % 7 < 4))
    rider = Vehicle(seen_only(driving(20, 5), lambda index: index % 7 >= 4), type="Motorcycle")
    assert types_by_key(follow(film(40, car, rider))) == [["Car", "Motorcycle"]]


@pytest.mark.parametrize("colour", [RED, GREEN])
@pytest.mark.parametrize("stride", [1, 3, 10])
def test_a_motorcycle_in_front_of_a_car_is_a_track_of_its_own(colour: tuple[int, int, int], stride: int) -> None:
    car = Vehicle(driving(20, 2))
    rider = Vehicle(driving(50, 2, top=110, width=20, height=35), colour, type="Motorcycle")
    assert types_by_key(follow(film(60, car, rider, stride=stride))) == [["Car"], ["Motorcycle"]]


def test_the_type_may_change_along_a_track_and_is_each_frames_own() -> None:
    frames = [
        DetectedFrame(detected.frame, np.where(np.arange(6) == 5, index % 2 * 3, detected.boxes).astype(np.float32))
        for index, detected in enumerate(film(6, Vehicle(driving(20, 5))))
    ]
    tracked = follow(iter(frames))
    assert [frame.tracks[0].type for frame in tracked] == ["Car", "LightTruck"] * 3
    assert len(keys(tracked)) == 1


def test_the_same_frames_give_the_same_tracks() -> None:
    scene = [Vehicle(driving(20, 6)), Vehicle(driving(700, -6), GREEN), Vehicle(driving(300, 0, top=20), BLUE)]
    runs = [[(list(frame.tracks), list(frame.ended)) for frame in follow(film(60, *scene))] for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_second_video_starts_with_new_keys_and_numbers() -> None:
    for _ in range(2):
        tracked = follow(film(5, Vehicle(driving(20, 5))))
        assert (keys(tracked), numbers(tracked)) == ({1}, {1})


class CountingColour(MeanColour):
    """Counts the embeddings of each frame."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        self.counts.append(len(boxes))
        return super().embed(frame, boxes)


def embeddings_per_frame(frames: Iterator[DetectedFrame], settings: TrackSettings = SETTINGS) -> list[int]:
    embedder = CountingColour()
    tracked = list(Tracker(embedder, settings).track(frames))
    assert len(embedder.counts) == len(tracked)
    return embedder.counts


def test_an_isolated_vehicle_is_embedded_at_intervals() -> None:
    assert embeddings_per_frame(film(40, Vehicle(driving(20, 5)))) == ([1] + [0] * 19) * 2


def test_two_vehicles_that_overlap_are_embedded_in_each_frame() -> None:
    near, far = Vehicle(driving(20, 5)), Vehicle(driving(50, 5, top=110), GREEN)
    assert embeddings_per_frame(film(30, near, far)) == [2] * 30


def test_a_vehicle_that_reappears_is_embedded_before_it_is_matched() -> None:
    seen = embeddings_per_frame(film(14, Vehicle(seen_only(driving(20, 5), lambda index: index not in (4, 5)))))
    assert seen == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_with_an_interval_of_zero_every_vehicle_is_embedded_in_each_frame() -> None:
    assert embeddings_per_frame(film(12, Vehicle(driving(20, 5))), TrackSettings(embed_interval_s=0)) == [1] * 12


@pytest.mark.parametrize("count", [0, 1, 30])
def test_frames_without_vehicles_come_through(count: int) -> None:
    tracked = follow(film(count))
    assert [(list(frame.tracks), list(frame.ended)) for frame in tracked] == [([], [])] * count


@pytest.mark.parametrize(
    ("interval_s", "detections"), [(0.02, 3), (0.04, 3), (0.125, 3), (0.17, 2), (0.417, 2), (1.0, 2), (3.0, 2)]
)
def test_fewer_detections_confirm_a_track_if_they_lie_further_apart(interval_s: float, detections: int) -> None:
    assert hits(SETTINGS, interval_s) == detections
    frames = film(4, Vehicle(lambda index: (30, 60, 90, 100)))
    tracked = follow(at_interval(frames, interval_s))
    assert [bool(frame.links) for frame in tracked] == [index == detections - 1 for index in range(4)]


def test_a_track_continues_over_a_long_interval_between_two_frames_but_not_over_a_minute() -> None:
    def numbers_with_pause(seconds: float) -> set[int]:
        frames = list(film(10, Vehicle(lambda index: (30, 60, 90, 100))))
        late = [replace(one, frame=replace(one.frame, offset_ms=int(1000 * seconds))) for one in frames[5:]]
        late = [
            replace(one, frame=replace(one.frame, offset_ms=one.frame.offset_ms + 40 * n)) for n, one in enumerate(late)
        ]
        return numbers(follow(iter([*frames[:5], *late])))

    assert numbers_with_pause(3) == {1}
    assert numbers_with_pause(60) == {1, 2}


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
    assert ended == 100 + 25  # it stands there for a second


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


def test_the_trackers_libraries_are_loaded_before_the_first_video() -> None:
    """Imported when memory has run out, SciPy's BLAS hangs and holds the GIL; the stall rule cannot end it."""
    code = (
        "import sys; from video_analysis.worker_config import WorkerConfig;"
        "from video_analysis.yolo_worker.pipeline import VisionPipeline;"
        "loaded = lambda: [name in sys.modules for name in ('scipy.linalg', 'scipy.optimize')];"
        "before = loaded(); VisionPipeline(None, None, WorkerConfig().track); print(before, loaded())"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[False, False] [True, True]"

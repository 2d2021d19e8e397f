"""Tracks of coloured boxes: they get a track_id when confirmed, and have the boxes of the detections."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from operator import eq

import numpy as np
import pytest

from video_analysis.tests.support.coloured_film import (
    BLUE,
    GREEN,
    HEIGHT_PX,
    RED,
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
from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking.settings import hits
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Box, Boxes, DetectedFrame, Embeddings, Frame, TrackedFrame


def at_interval(frames: Iterator[DetectedFrame], interval_s: float) -> Iterator[DetectedFrame]:
    for number, detected in enumerate(frames):
        yield replace(detected, frame=replace(detected.frame, offset_ms=round(1000 * interval_s * number)))


@pytest.mark.parametrize(
    "size", [(2 * WIDTH_PX, 2 * HEIGHT_PX), (WIDTH_PX // 2, HEIGHT_PX // 2), (HEIGHT_PX, WIDTH_PX)]
)
def test_a_new_frame_size_ends_all_tracks_and_numbers_continue(size: tuple[int, int]) -> None:
    """The vehicle is in the same place, in pixels, before and after the change."""
    vehicle = Vehicle(lambda index: (30, 60, 90, 100))
    tracked = follow(chain(film(20, vehicle), film(20, vehicle, first=20, size=size)))
    assert [frame.ended for frame in tracked if frame.ended] == [[tracked[0].tracks[0].key]]
    assert tracked[20].ended == [tracked[0].tracks[0].key]
    assert [[track_id for _, track_id in frame.links] for frame in tracked if frame.links] == [[1], [2]]
    assert len(keys(tracked)) == 2


def test_a_vehicle_is_numbered_at_its_third_frame_and_its_first_ones_have_the_same_key() -> None:
    tracked = follow(film(6, Vehicle(driving(20, 5))))
    (key,) = keys(tracked)
    assert [list(frame.links) for frame in tracked] == [[], [], [(key, 1)], [], [], []]


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


def test_a_vehicle_that_is_covered_is_not_embedded_while_its_place_identifies_it() -> None:
    """The vector would show the one in front, too. The overlap with the large box is too small to be a doubt."""
    small, large = Vehicle(driving(40, 0, width=20, height=30)), Vehicle(driving(20, 0, top=112, width=200), GREEN)
    assert embeddings_per_frame(film(60, small, large)) == [2] + ([0] * 19 + [1]) * 2 + [0] * 19


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

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from video_analysis.worker_config import BestSettings, SnapshotSettings
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.types import Area, BestShot, Box, Frame, Track, TrackedFrame

WIDTH_PX, HEIGHT_PX = 320, 240
RULES = BestSettings()
CROP_MARGIN = SnapshotSettings().crop_margin
EXACT = BestSettings(area_step=0, confidence_step=0, sharpness_step=0, centre_step=0, outlier_area=0)
TINY = BestSettings(area_step=1e-320, confidence_step=1e-320, sharpness_step=1e-320, centre_step=1e-320, outlier_area=0)
PAIRWISE = BestSettings(outlier_area=0)
"""Each box for itself: an outlier is one among its neighbours."""
MIDDLE: Box = (100, 80, 200, 160)


def picture(sharp: bool = True) -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    return noise if sharp else np.asarray(cv2.GaussianBlur(noise, (9, 9), 0), np.uint8)


SHARP, BLURRED = picture(), picture(sharp=False)


def seen(
    index: int,
    *tracks: Numbered,
    ended: Sequence[int] = (),
    image: NDArray[np.uint8] = SHARP,
) -> TrackedFrame:
    frame = Frame(index=index, offset_ms=40 * index, picture=image)
    links = [(one.track.key, one.id) for one in tracks if one.id]
    return TrackedFrame(frame, [one.track for one in tracks], ended, links)


@dataclass(frozen=True)
class Numbered:
    """A track in one frame, and its track_id where it is confirmed by then."""

    track: Track
    id: int | None


def track(
    box: Box = MIDDLE, confidence: float = 0.8, kind: YoloType = "Car", key: int = 1, track_id: int | None = 1
) -> Numbered:
    return Numbered(Track(key=key, box=box, confidence=confidence, type=kind), track_id)


def select(frames: Iterable[TrackedFrame], rules: BestSettings, crop_margin: float) -> Iterator[BestShot]:
    return drain.results(frames, BestShotSink(rules, crop_margin))


def chosen(*frames: TrackedFrame, rules: BestSettings = RULES) -> int:
    """The index of the frame of the only best shot."""
    (shot,) = select(frames, rules, CROP_MARGIN)
    return shot.offset_ms // 40


def moved(box: Box, dx: float = 0, dy: float = 0) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def grown(box: Box, px: float) -> Box:
    return box[0] - px, box[1] - px, box[2] + px, box[3] + px


def test_a_best_shot_has_the_box_and_the_size_of_its_frame() -> None:
    larger = grown(MIDDLE, 5)
    (shot,) = select([seen(0, track()), seen(1, track(larger)), seen(2, track())], RULES, CROP_MARGIN)
    assert (shot.box, shot.frame_width_px, shot.frame_height_px) == (larger, WIDTH_PX, HEIGHT_PX)


def test_a_larger_box_takes_precedence_over_all_other_criteria() -> None:
    larger = track(grown(moved(MIDDLE, 40), 5), confidence=0.4)
    assert chosen(seen(0, track()), seen(1, larger, image=BLURRED)) == 1


def test_a_box_cut_by_the_edge_loses_to_any_uncut_box() -> None:
    small, cut = track((150, 110, 170, 130), confidence=0.3), track((2, 20, 300, 220), confidence=0.9)
    assert chosen(seen(0, cut), seen(1, small), seen(2, cut)) == 1


@pytest.mark.parametrize("box", [(3, 9, 99, 99), (9, 3, 99, 99), (9, 9, WIDTH_PX - 3, 99), (9, 9, 99, HEIGHT_PX - 3)])
def test_each_edge_cuts(box: Box) -> None:
    assert chosen(seen(0, track(box)), seen(1, track((150, 110, 170, 130)))) == 1


def test_a_vehicle_that_is_always_cut_has_a_shot() -> None:
    assert chosen(seen(0, track((0, 20, 90, 99))), seen(1, track((0, 20, 150, 99)))) == 1


def test_a_box_that_contains_two_vehicles_for_a_few_frames_is_not_chosen() -> None:
    both: Box = (100, 80, 260, 160)
    frames = [seen(index, track(both if index in (0, 1, 7) else MIDDLE)) for index in range(12)]
    (shot,) = select(frames, RULES, CROP_MARGIN)
    assert (shot.box, shot.offset_ms) == (MIDDLE, 80)
    assert next(select(frames, PAIRWISE, CROP_MARGIN)).box == both


def test_a_box_of_unusual_size_takes_precedence_over_one_that_is_cut() -> None:
    cut: Box = (0, 80, 100, 160)
    frames = [seen(index, track((100, 80, 260, 160) if index == 4 else cut)) for index in range(9)]
    assert chosen(*frames) == 4


def test_a_vehicle_that_comes_near_has_its_largest_box() -> None:
    frames = [seen(index, track((10, 10, 10 + 40 * 1.12**index, 10 + 30 * 1.12**index))) for index in range(16)]
    assert chosen(*frames) == 15


@pytest.mark.parametrize(("top", "expected"), [(100, 1), (60, 0)])
def test_what_a_vehicle_in_front_covers_does_not_count(top: float, expected: int) -> None:
    """The other vehicle is in front if its lower edge is lower."""
    larger, other = track(grown(MIDDLE, 5)), track((90, top, 150, top + 80), key=2, track_id=2)
    shots = list(select([seen(0, larger, other), seen(1, track())], RULES, CROP_MARGIN))
    assert [shot.offset_ms // 40 for shot in shots if shot.track_id == 1] == [expected]


def test_confidence_decides_between_similar_areas() -> None:
    assert chosen(seen(0, track(confidence=0.62)), seen(1, track(grown(MIDDLE, -0.1), confidence=0.88))) == 1


def test_sharpness_decides_between_similar_areas_and_confidences() -> None:
    frames = (seen(0, track(), image=BLURRED), seen(1, track(confidence=0.81)), seen(2, track(), image=BLURRED))
    assert chosen(*frames) == 1


def test_the_centre_decides_between_otherwise_equal_frames() -> None:
    flat = np.full_like(SHARP, 90)
    off, near = track(moved(MIDDLE, -80)), track(moved(MIDDLE, 12))
    assert chosen(seen(0, off, image=flat), seen(1, near, image=flat), seen(2, off, image=flat)) == 1


def test_the_earlier_of_equal_frames_is_kept() -> None:
    assert chosen(seen(4, track()), seen(5, track()), seen(6, track())) == 4


def test_a_step_of_zero_compares_exactly() -> None:
    frames = (seen(0, track(confidence=0.9)), seen(1, track(grown(MIDDLE, 0.01), confidence=0.4)))
    assert chosen(*frames) == 0
    for rules in (EXACT, TINY):
        assert chosen(*frames, rules=rules) == 1


def test_the_shot_is_the_box_with_its_margin_from_its_own_frame() -> None:
    image = SHARP.copy()
    (shot,) = select([seen(7, track(kind="Van", track_id=3), image=image)], RULES, CROP_MARGIN)
    assert (shot.track_id, shot.offset_ms, shot.type) == (3, 280, "Van")
    assert np.array_equal(shot.crop, image[70:170, 88:212])


def test_a_shot_is_emitted_as_soon_as_its_track_has_ended() -> None:
    given_out: list[int] = []

    def frames() -> Iterator[TrackedFrame]:
        yield seen(0, track(key=1, track_id=1), track(key=2, track_id=2))
        yield seen(1, track(key=2, track_id=2), ended=[1])
        assert given_out == [1]
        yield seen(2, ended=[])
        yield seen(3, ended=[2])
        assert given_out == [1, 2]

    given_out.extend(shot.track_id for shot in select(frames(), RULES, CROP_MARGIN))
    assert given_out == [1, 2]


def test_at_the_end_the_open_tracks_are_ordered_by_id() -> None:
    frames = [seen(0, *(track(key=key, track_id=track_id) for key, track_id in [(9, 2), (4, 3), (7, 1)]))]
    assert [shot.track_id for shot in select(frames, RULES, CROP_MARGIN)] == [1, 2, 3]


def test_tracks_that_end_together_are_ordered_by_id() -> None:
    both = (track(key=9, track_id=2), track(key=7, track_id=1))
    assert [shot.track_id for shot in select([seen(0, *both), seen(1, ended=[9, 7])], RULES, CROP_MARGIN)] == [1, 2]


def ids(shots: Iterable[BestShot]) -> list[int]:
    return [shot.track_id for shot in shots]


def test_observe_gives_the_ended_tracks_and_close_the_open_ones_each_once_and_by_id() -> None:
    sink = BestShotSink(RULES, CROP_MARGIN)
    tracks = [track(key=key, track_id=track_id) for key, track_id in [(9, 2), (4, 4), (7, 1), (5, 3)]]
    assert ids(sink.observe(seen(0, *tracks))) == []
    assert ids(sink.observe(seen(1, ended=[9, 7]))) == [1, 2]
    assert ids(sink.observe(seen(2, ended=[9]))) == []
    assert ids(sink.close()) == [3, 4]
    assert ids(sink.close()) == []


def test_two_tracks_of_one_vehicle_have_one_shot_with_the_better_frame_and_all_votes() -> None:
    van, car = track(grown(MIDDLE, 20), 0.9, "Van"), track(confidence=0.6, key=2)
    first, second = (
        [seen(0, van), seen(1, van)],
        [seen(2, track(key=2, track_id=None)), seen(3, car), seen(4, ended=[2])],
    )
    (shot,) = select([*first, *second], RULES, CROP_MARGIN)
    assert (shot.track_id, shot.offset_ms, shot.type) == (1, 0, "Van")
    (shot,) = select([*second[:2], *first, seen(4, ended=[1])], RULES, CROP_MARGIN)
    assert (shot.offset_ms, shot.type) == (0, "Van")


def test_a_vehicle_that_turns_out_to_be_an_older_one_has_one_shot_under_the_older_number() -> None:
    """It ends in the frame in which this is decided, or later."""
    frames = [seen(0, track()), seen(1, track(grown(MIDDLE, 20), key=2, track_id=2))]
    frame = seen(2).frame
    for last in ([TrackedFrame(frame, [], [2], [(2, 1)])], [TrackedFrame(frame, [], [], [(2, 1)]), seen(3, ended=[2])]):
        sink = BestShotSink(RULES, CROP_MARGIN)
        shots = [shot for one in [*frames, *last] for shot in sink.observe(one)]
        assert [(shot.track_id, shot.offset_ms) for shot in shots] == [(1, 40)]
        assert ids(sink.close()) == []


def test_a_track_that_is_linked_twice_in_one_frame_joins_all_tracks_of_both_vehicles() -> None:
    """Track 3 continues vehicle 2, and then both turn out to be vehicle 1."""
    frames = [seen(0, track()), seen(1, track(key=2, track_id=2)), seen(2, track(key=3, track_id=None))]
    last = TrackedFrame(seen(3).frame, [], [], [(3, 2), (3, 1)])
    assert ids(select([*frames, last], RULES, CROP_MARGIN)) == [1]


def test_a_vehicle_whose_shot_was_emitted_has_no_second_one() -> None:
    sink = BestShotSink(RULES, CROP_MARGIN)
    sink.observe(seen(0, track(), track(key=2, track_id=2)))
    assert ids(sink.observe(seen(1, ended=[1]))) == [1]
    sink.observe(seen(2, track(grown(MIDDLE, 20), key=3, track_id=1)))
    assert ids(sink.observe(seen(3, ended=[3]))) == []
    assert ids(sink.close()) == [2]


def test_a_vehicle_whose_shot_was_emitted_has_no_second_one_in_a_third_track_either() -> None:
    sink = BestShotSink(RULES, CROP_MARGIN)
    sink.observe(seen(0, track()))
    assert ids(sink.observe(seen(1, ended=[1]))) == [1]
    sink.observe(seen(2, track(key=2, track_id=1)))
    sink.observe(seen(3, track(grown(MIDDLE, 20), key=3, track_id=1)))
    assert ids(sink.close()) == []


def test_a_track_that_is_confirmed_in_the_frame_in_which_it_ends_has_a_shot() -> None:
    sink = BestShotSink(RULES, CROP_MARGIN)
    sink.observe(seen(0, track(track_id=None)))
    frame = seen(1).frame
    assert ids(sink.observe(TrackedFrame(frame, [], [1], [(1, 5)]))) == [5]


def test_a_track_that_was_never_confirmed_has_no_shot() -> None:
    frames = [seen(0, track(key=1, track_id=None), track(key=2, track_id=None)), seen(1, ended=[1, 5])]
    assert list(select(frames, RULES, CROP_MARGIN)) == []


def test_a_frame_from_before_the_confirmation_may_be_the_best() -> None:
    best_first = track(grown(MIDDLE, 20), track_id=None)
    assert chosen(seen(0, best_first), seen(1, track(track_id=None)), seen(2, track())) == 0


def test_a_key_that_begins_again_after_its_end_is_another_track() -> None:
    frames = [seen(0, track(track_id=1)), seen(1, ended=[1]), seen(2, track(track_id=2))]
    assert [(shot.track_id, shot.offset_ms) for shot in select(frames, RULES, CROP_MARGIN)] == [(1, 0), (2, 80)]


def test_the_type_is_voted_by_confidence_over_the_whole_track() -> None:
    votes = [(0.9, "LightTruck", None), (0.3, "Car", None), (0.35, "Car", 1), (0.3, "Car", 1)]
    frames = [
        seen(index, track(confidence=confidence, kind=kind, track_id=track_id))  # type: ignore[arg-type]
        for index, (confidence, kind, track_id) in enumerate(votes)
    ]
    (shot,) = select(frames, RULES, CROP_MARGIN)
    assert shot.type == "Car"


def test_a_tied_vote_goes_to_the_type_that_the_contract_names_first() -> None:
    for kinds in (("Van", "SUV"), ("SUV", "Van")):
        (shot,) = select([seen(index, track(kind=kind)) for index, kind in enumerate(kinds)], RULES, CROP_MARGIN)  # type: ignore[arg-type]
        assert shot.type == "SUV"


def test_no_vehicles_no_shots() -> None:
    assert list(select([seen(0), seen(1)], RULES, CROP_MARGIN)) == []


def test_frames_are_not_kept_in_memory() -> None:
    pictures: list[weakref.ref[NDArray[np.uint8]]] = []
    alive: list[int] = []

    def frames() -> Iterator[TrackedFrame]:
        for index in range(20):
            alive.append(sum(reference() is not None for reference in pictures))
            image = SHARP.copy()
            pictures.append(weakref.ref(image))
            yield seen(index, track(grown(MIDDLE, index)), image=image)

    assert len(list(select(frames(), RULES, CROP_MARGIN))) == 1
    assert max(alive) <= 2


appearances = st.builds(
    lambda left, top, width, height, confidence, kind, sharp: (
        track((left, top, left + width, top + height), confidence, kind),
        SHARP if sharp else BLURRED,
    ),
    left=st.floats(0, 100),
    top=st.floats(0, 100),
    width=st.sampled_from([30.0, 30.5, 33.0, 100.0, 220.0]),
    height=st.sampled_from([30.0, 30.4, 60.0, 140.0]),
    confidence=st.floats(0.25, 1, width=32),
    kind=st.sampled_from(["Car", "Van", "SUV"]),
    sharp=st.booleans(),
)


@given(data=st.data(), course=st.lists(appearances, min_size=1, max_size=8), exact=st.booleans())
def test_the_choice_does_not_depend_on_the_order_of_arrival(
    data: st.DataObject, course: list[tuple[Numbered, NDArray[np.uint8]]], exact: bool
) -> None:
    frames = [seen(index, one, image=image) for index, (one, image) in enumerate(course)]
    shuffled = data.draw(st.permutations(frames))
    rules = EXACT if exact else PAIRWISE
    assert _values(select(frames, rules, CROP_MARGIN)) == _values(select(shuffled, rules, CROP_MARGIN))


@given(course=st.lists(appearances, min_size=2, max_size=8))
def test_the_winner_of_all_beats_each_alone(course: list[tuple[Numbered, NDArray[np.uint8]]]) -> None:
    frames = [seen(index, one, image=image) for index, (one, image) in enumerate(course)]
    winner = frames[chosen(*frames, rules=PAIRWISE)]
    for other in frames:
        if other is not winner:
            assert chosen(winner, other, rules=PAIRWISE) == winner.frame.index


def _values(shots: Iterator[BestShot]) -> list[tuple[int, int, str, bytes]]:
    return [(shot.track_id, shot.offset_ms, shot.type, shot.crop.tobytes()) for shot in shots]


# Areas: a frame between bars, and the tiles of a mosaic

LEFT_HALF, RIGHT_HALF = (0, 0, WIDTH_PX // 2, HEIGHT_PX), (WIDTH_PX // 2, 0, WIDTH_PX, HEIGHT_PX)


def within(frame: TrackedFrame, *areas: Area) -> TrackedFrame:
    return replace(frame, frame=replace(frame.frame, areas=areas))


@pytest.mark.parametrize("box", [(43, 99, 120, 190), (99, 33, 190, 120), (200, 99, 277, 190), (99, 120, 190, 207)])
def test_each_edge_of_the_area_cuts(box: Box) -> None:
    area = (40, 30, WIDTH_PX - 40, HEIGHT_PX - 30)
    small = track((150, 110, 170, 130))
    assert chosen(within(seen(0, track(box)), area), within(seen(1, small), area)) == 1
    assert chosen(seen(0, track(box)), seen(1, small)) == 0


def test_a_box_is_cut_by_the_edge_of_its_own_tile_only() -> None:
    at_the_border, small = track((100, 90, 158, 150)), track((60, 90, 90, 120))
    tiles = (LEFT_HALF, RIGHT_HALF)
    assert chosen(within(seen(0, at_the_border), *tiles), within(seen(1, small), *tiles)) == 1
    whole = track((170, 90, 228, 150))
    assert chosen(within(seen(0, whole), *tiles), within(seen(1, small), *tiles)) == 0


def test_a_box_outside_all_areas_is_judged_by_the_frame() -> None:
    right = track((200, 90, 300, 180))
    assert chosen(within(seen(0, right), LEFT_HALF), within(seen(1, track((60, 90, 90, 120))), LEFT_HALF)) == 0


def test_the_distance_from_the_centre_is_that_of_the_area() -> None:
    flat = np.full_like(SHARP, 90)
    frames = (track((60, 100, 100, 140)), track((100, 100, 140, 140)))
    first, second = (seen(index, one, image=flat) for index, one in enumerate(frames))
    assert chosen(first, second) == 1
    assert chosen(within(second, LEFT_HALF), within(first, LEFT_HALF)) == 0


def test_the_margin_of_a_shot_shows_no_other_tile_but_the_box_is_whole() -> None:
    frame = within(seen(7, track((100, 80, 164, 160))), LEFT_HALF, RIGHT_HALF)
    (shot,) = select([frame], RULES, CROP_MARGIN)
    assert np.array_equal(shot.crop, SHARP[70:170, 92:164])

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from video_analysis.yolo_worker.source.frame_times import Timeline, longest_rise, offsets

STEP_MS, AHEAD = 40.0, 16
COUNT = 60
EVEN = [STEP_MS * index for index in range(COUNT)]
Times = list[float | None]
GARBAGE = st.one_of(st.none(), st.floats(-1e12, 1e12, allow_nan=False))


def line(times: Times, start_ms: float | None = None) -> list[float]:
    return [offset for offset, _ in offsets(((time, None) for time in times), STEP_MS, AHEAD, start_ms)]


def changed(**places: float | None) -> Times:
    """EVEN with other values at some places: `at_7=None`."""
    times: Times = list(EVEN)
    for place, value in places.items():
        times[int(place.removeprefix("at_"))] = value
    return times


@given(times=st.lists(GARBAGE, max_size=80), start=st.one_of(st.none(), st.floats(-1e9, 1e9)))
def test_each_frame_gets_an_offset_that_never_falls(times: Times, start: float | None) -> None:
    items = [(time, index) for index, time in enumerate(times)]
    given_out = list(offsets(items, STEP_MS, AHEAD, start))
    assert [index for _, index in given_out] == list(range(len(times)))
    assert all(later >= earlier >= 0 for (earlier, _), (later, _) in pairwise(given_out))


@given(steps=st.lists(st.floats(1, 100_000), max_size=80), first=st.floats(-1e6, 1e6))
def test_rising_timestamps_stay_as_they_are(steps: list[float], first: float) -> None:
    times = [first]
    for step in steps:
        times.append(times[-1] + step)
    assert line([*times]) == pytest.approx([time - first for time in times], abs=1e-3)


@given(
    places=st.lists(st.integers(1, COUNT - AHEAD), min_size=1, max_size=4, unique=True),
    # A run of n frames that are less than 60·n ms late may as well be a real pause.
    error=st.one_of(st.none(), st.floats(-1e7, -1), st.floats(250, 1e7)),
)
@example(places=[1, 2], error=-41.0)  # the second one rises, but is more than a step early
def test_missing_and_stray_timestamps_are_corrected_and_shift_nothing(places: list[int], error: float | None) -> None:
    times = changed(**{f"at_{place}": None if error is None else EVEN[place] + error for place in places})
    assert line(times) == pytest.approx(EVEN, abs=STEP_MS)


@pytest.mark.parametrize("run", [2, 5, 10, AHEAD])
@pytest.mark.parametrize("error", [10_000, -10_000, None])
def test_a_run_of_stray_timestamps_is_corrected(run: int, error: float | None) -> None:
    times = changed(**{f"at_{20 + place}": None if error is None else EVEN[20 + place] + error for place in range(run)})
    assert line(times) == pytest.approx(EVEN)


def test_every_second_timestamp_may_be_missing() -> None:
    assert line([None if index % 2 else time for index, time in enumerate(EVEN)]) == pytest.approx(EVEN)


def test_without_any_timestamp_the_offsets_follow_the_step() -> None:
    assert line([None] * COUNT) == pytest.approx(EVEN)


def test_a_frame_with_its_predecessors_timestamp_lies_between_its_neighbours() -> None:
    assert line(changed(at_5=EVEN[4])) == pytest.approx(EVEN)


@pytest.mark.parametrize("gap_ms", [500, 60_000, 3_600_000])
def test_a_gap_in_the_recording_stays_a_gap(gap_ms: float) -> None:
    times = [*EVEN, *(EVEN[-1] + gap_ms + time for time in EVEN)]
    assert line([*times]) == times


@pytest.mark.parametrize("begin", [0.0, 40.0, -26.5 * 3_600_000])
def test_a_clock_that_restarts_or_wraps_around_continues_by_one_step(begin: float) -> None:
    times = [*EVEN, *(begin + time for time in EVEN)]
    assert line([*times]) == pytest.approx([STEP_MS * index for index in range(2 * COUNT)])


def test_offsets_count_from_the_stated_start() -> None:
    late = [time + 6_250 for time in EVEN]
    assert line([*late], start_ms=0) == late
    assert line([*late]) == EVEN


def test_a_stray_first_timestamp_is_corrected_where_the_start_is_stated() -> None:
    assert line(changed(at_0=9_999), start_ms=0) == pytest.approx(EVEN)


def test_a_slow_part_and_a_fast_part_keep_their_times() -> None:
    times = [*(1000.0 * index for index in range(40)), *(39_000.0 + 40 * index for index in range(1, 100))]
    assert line([*times]) == times
    assert line([*times[::-1], 40_000.0])[-1] >= 0


def test_regular_frames_are_not_held_back() -> None:
    timeline = Timeline[int](STEP_MS, AHEAD)
    assert [list(timeline.push(time, index)) for index, time in enumerate(EVEN)] == [
        [(time, index)] for index, time in enumerate(EVEN)
    ]


def test_no_more_frames_are_held_back_than_allowed() -> None:
    timeline, held = Timeline[int](STEP_MS, AHEAD), 0
    for index in range(200):
        held += 1 - len(list(timeline.push(None, index)))
        assert held <= AHEAD


def test_the_longest_rise_prefers_the_lower_end() -> None:
    assert longest_rise([]) == []
    assert longest_rise([(0, 5.0), (1, 1.0), (2, 2.0), (3, 9.0)]) == [1, 2, 3]
    assert longest_rise([(3, 10_000.0), (4, 80.0)]) == [4]

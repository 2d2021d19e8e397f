"""The vehicles of two runs: which are the same, with which best frame, new or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from video_analysis.ops.diff import frames, paths
from video_analysis.ops.diff.vehicles import RunDiff, Vehicle, compare
from video_analysis.ops.run_row import RunRow
from video_analysis.ops.stored_parts import Coverage, coverage
from video_analysis.worker_utils.db.row_types import DetectedBox
from video_analysis.worker_utils.db.run_types import CheckpointPart, RunStatus
from video_analysis.yolo_worker.runs.frame_input import FrameInput

NO_PATHS: Mapping[Vehicle, int] = {}


def vehicle(track_id: int, offset_ms: int, x: float, *, kind: str = "Car", run: str = "a") -> Vehicle:
    """100×60 px, with its left edge at `x`."""
    box = DetectedBox(x, 100, x + 100, 160, 640, 360)
    return Vehicle(track_id, offset_ms, box, kind, f"s3://{run}/{track_id}")


def tracks(diff: RunDiff) -> dict[str, Sequence[object]]:
    return {
        "same": [(pair.before.track_id, pair.after.track_id) for pair in diff.same],
        "other": [(pair.before.track_id, pair.after.track_id) for pair in diff.other_frame],
        "gone": [one.track_id for one in diff.gone],
        "new": [one.track_id for one in diff.new],
    }


def test_vehicles_of_one_frame_are_matched_by_their_boxes_and_not_by_their_numbers() -> None:
    before = [vehicle(1, 400, 0), vehicle(2, 400, 300)]
    after = [vehicle(1, 400, 302), vehicle(2, 400, 4)]
    assert tracks(compare(before, after, NO_PATHS)) == {"same": [(2, 1), (1, 2)], "other": [], "gone": [], "new": []}


def test_a_vehicle_at_a_place_that_it_can_reach_has_another_best_frame() -> None:
    before = [vehicle(1, 0, 0), vehicle(2, 0, 300)]
    after = [vehicle(1, 1000, 420), vehicle(2, 1000, 130)]
    assert tracks(compare(before, after, NO_PATHS)) == {"same": [], "other": [(2, 1), (1, 2)], "gone": [], "new": []}


def test_vehicles_that_are_too_far_or_too_late_are_new_and_gone() -> None:
    before = [vehicle(1, 0, 0), vehicle(2, 20_000, 0)]
    after = [vehicle(1, 0, 500), vehicle(2, 26_000, 0)]
    assert tracks(compare(before, after, NO_PATHS)) == {"same": [], "other": [], "gone": [1, 2], "new": [1, 2]}


def test_a_row_that_was_stored_a_ms_later_has_the_same_best_frame() -> None:
    assert tracks(compare([vehicle(1, 80, 0)], [vehicle(1, 81, 0)], NO_PATHS))["same"] == [(1, 1)]


def test_the_frame_of_a_row_is_found_after_many_runs_too() -> None:
    """Each further run stores the row one ms later: with 60 runs, later than the next frame."""
    moving = [frame(index, 10 * index) for index in range(20)]
    [before] = frames.located([vehicle(1, 80, 20)], moving)
    for shift_ms in (0, 1, 12, 39, 60, 400):
        [after] = frames.located([vehicle(1, 80 + shift_ms, 20)], moving)
        assert after.frame_ms == before.frame_ms == 80
        assert tracks(compare([before], [after], NO_PATHS))["same"] == [(1, 1)]
        assert tracks(compare([vehicle(1, 80, 20)], [vehicle(1, 80 + shift_ms, 20)], NO_PATHS))["same"] == [(1, 1)]
    [other] = frames.located([vehicle(1, 120, 30)], moving)
    assert tracks(compare([before], [other], NO_PATHS))["other"] == [(1, 1)]


def test_boxes_of_another_detector_are_of_the_frame_of_their_offset() -> None:
    [found, late] = frames.located([vehicle(1, 83, 25), vehicle(2, 100, 25)], [frame(2, 20), frame(3, 30)])
    assert (found.frame_ms, late.frame_ms) == (80, None)


def test_after_the_end_of_a_run_no_vehicle_is_new_or_gone() -> None:
    before = [vehicle(1, 0, 0), vehicle(2, 400, 300), vehicle(3, 9000, 0)]
    after = [vehicle(1, 0, 0)]
    found = compare(before, after, NO_PATHS, until_ms=1000)
    assert (tracks(found)["gone"], found.left_out) == ([2], 1)
    assert (tracks(compare(after, before, NO_PATHS, until_ms=1000))["new"], found.left_out) == ([2], 1)
    assert tracks(compare(before, after, NO_PATHS))["gone"] == [2, 3]


@pytest.mark.parametrize(
    ("frames_done", "sent", "expected"),
    [(0, [], 0), (500, [], 19_960 - 3500), (500, [vehicle(1, 18_000, 0)], 18_000), (9999, [], 39_960 - 3500)],
)
def test_a_run_has_sent_what_ended_some_seconds_before_its_last_frame(
    frames_done: int, sent: list[Vehicle], expected: int
) -> None:
    run = run_row("running", frames_done, {"stride": 1, "tracker": {"max_age_s": 1.5, "link_s": 2.0}})
    assert frames.end_ms(run, sent, [frame(index) for index in range(1000)]) == expected
    assert frames.end_ms(replace(run, status="completed"), sent, []) is None


def run_row(status: RunStatus, frames_done: int, snapshot: dict[str, object]) -> RunRow:
    values = dict.fromkeys(field.name for field in fields(RunRow)) | {
        "status": status,
        "frames_done": frames_done,
        "config_snapshot": snapshot,
    }
    return RunRow(**values)  # type: ignore[arg-type]  # a row with few columns


def test_a_path_joins_what_is_far_in_time_and_wins_over_what_is_near() -> None:
    before, after = [vehicle(1, 0, 0)], [vehicle(7, 9_000, 400, run="b"), vehicle(8, 1000, 10, run="b")]
    path_of = {before[0]: 3, after[0]: 3, after[1]: 4}
    assert tracks(compare(before, after, path_of))["other"] == [(1, 7)]
    assert tracks(compare(before, after, NO_PATHS))["other"] == [(1, 8)]


def test_a_row_without_a_box_is_never_matched() -> None:
    bare = Vehicle(1, 0, None, "Car", "s3://a/1")
    assert tracks(compare([bare], [bare], NO_PATHS)) == {"same": [], "other": [], "gone": [1], "new": [1]}


def frame(index: int, *lefts: float) -> FrameInput:
    boxes = np.array([[x, 100, x + 100, 160, 0.9, 0] for x in lefts], np.float32).reshape(-1, 6)
    return FrameInput(index, 40 * index, boxes)


def test_a_path_follows_boxes_and_ends_where_two_vehicles_meet() -> None:
    alone = [frame(index, 10 * index, 500) for index in range(20)]
    first, last, standing = vehicle(1, 0, 0), vehicle(2, 760, 190), vehicle(3, 400, 500)
    first, last, standing, elsewhere = frames.located([first, last, standing, vehicle(4, 400, 300)], alone)
    found = paths.path_of([first, last, standing, elsewhere], alone)
    assert found == {first: found[last], last: found[first], standing: found[standing]}
    assert found[first] != found[standing]
    met = [frame(index, 10 * index, 120) for index in range(20)]
    found = paths.path_of([first, last], met)
    assert found[first] != found[last]


def part(number: int, first: int, last: int) -> CheckpointPart:
    return CheckpointPart("r", number, first, last, 0, 0, "k", 1, "s", "e", 1, "t")


def test_stored_frames_count_up_to_the_first_gap() -> None:
    parts = [part(0, 0, 27), part(1, 30, 57), part(2, 30, 45), part(3, 63, 90)]
    assert coverage(parts, 3) == Coverage(2, 20)
    assert coverage(parts[1:], 3) == Coverage(0, 0)

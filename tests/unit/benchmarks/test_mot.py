"""The measure of tracking, on scenes small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from video_analysis.benchmarks import mot
from video_analysis.yolo_worker.types import Box, Frame, TrackedFrame

HERE, THERE = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)


def near(box: Box, by: float) -> Box:
    return (box[0] + by, box[1], box[2] + by, box[3])


def test_perfect_tracks_score_perfectly() -> None:
    truth = [[(1, HERE), (2, THERE)]] * 4
    found = [[(7, THERE), (9, HERE)]] * 4
    assert mot.score("scene", truth, found) == mot.Score("scene", 8, 1.0, 0, 1.0, 2)


def test_a_vehicle_that_goes_on_under_another_track_is_a_switch_and_has_two() -> None:
    truth = [[(1, HERE), (2, THERE)]] * 4
    found = [[(7, HERE), (8, THERE)], [], [(9, HERE), (8, THERE)], [(9, HERE), (8, THERE)]]
    result = mot.score("scene", truth, found)
    assert (result.recall, result.id_switches, result.tracks_per_vehicle) == (0.75, 1, 1.5)


def test_a_box_counts_from_an_overlap_of_four_tenths_on() -> None:
    truth = [[(1, HERE)]] * 2
    assert mot.score("scene", truth, [[(7, near(HERE, 4.2))], [(7, near(HERE, 4.4))]]).recall == 0.5


def test_boxes_of_a_frame_are_paired_one_to_one_for_the_largest_sum() -> None:
    assert mot.paired([(1, HERE), (2, near(HERE, 3))], [(7, near(HERE, 2)), (8, near(HERE, -2))]) == [(1, 8), (2, 7)]


def test_nothing_found_scores_nothing() -> None:
    assert mot.score("scene", [[(1, HERE)]], [[]]) == mot.Score("scene", 1, 0.0, 0, 0.0, 0)


def test_truth_is_read_by_frame_from_one_as_corners(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("1,4,307,155,112,84,1,1,1\n3,4,310,155,112,84,1,1,1\n")
    assert mot.read_truth(tmp_path / "gt.txt", 3) == [[(4, (307, 155, 419, 239))], [], [(4, (310, 155, 422, 239))]]


def test_a_vehicle_that_turns_out_to_be_an_older_one_has_its_number_in_all_its_tracks() -> None:
    """Track 8 continued track 7, and then both turn out to continue track 5."""
    frame = Frame(0, 0, np.zeros((1, 1, 3), np.uint8))
    links = [[(5, 1), (6, 2)], [(7, 3)], [(8, 3), (8, 1)]]
    ids = mot.track_ids(TrackedFrame(frame, [], [], one) for one in links)
    assert ids == {5: 1, 6: 2, 7: 1, 8: 1}

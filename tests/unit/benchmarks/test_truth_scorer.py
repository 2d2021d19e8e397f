"""The scorer of snapshots, on clips small enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from video_analysis.benchmarks.truth import scorer, vehicles
from video_analysis.benchmarks.truth.scorer import Snapshot
from video_analysis.benchmarks.truth.vehicles import ClipTruth
from video_analysis.yolo_worker.types import Box

LEFT, RIGHT = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)


def truth_of(folder: Path, *rows: dict[str, object]) -> ClipTruth:
    """A clip of 40 frames at 10 frames/s; rows are counted vehicles unless they differ."""
    listed = [{"id": number, "ignore": False, **row} for number, row in enumerate(rows, start=1)]
    path = folder / "clip.json"
    path.write_text(json.dumps({"clip": "clip", "fps": 10, "frames": 40, "offsets_ms": None, "vehicles": listed}))
    return vehicles.read(path)


def at(box: Box, first: int = 10, last: int = 20) -> dict[str, Box]:
    return {str(first): box, str(last): box}


def shot(box: Box, offset_ms: float = 1500, track_id: int = 1) -> Snapshot:
    return Snapshot(track_id, offset_ms, box)


def test_boxes_are_linear_between_key_frames_and_absent_where_hidden(tmp_path: Path) -> None:
    (vehicle,) = truth_of(tmp_path, {"boxes": {"10": LEFT, "20": RIGHT}, "hidden": [[14, 15]]}).vehicles
    assert vehicle.visible[12].tolist() == [10, 0, 20, 10]
    assert not vehicle.visible[[9, 14, 15, 21]].any()
    assert vehicle.held[14].tolist() == [20, 0, 30, 10]
    assert (vehicle.held[2].tolist(), vehicle.held[28].tolist()) == (list(LEFT), list(RIGHT))
    assert not vehicle.held[[1, 29]].any()


def test_covered_missed_duplicate_false_and_ignored_are_counted(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, {"boxes": at(LEFT)}, {"boxes": at(RIGHT)}, {"boxes": at((90, 0, 99, 9)), "ignore": True})
    shots = [shot(LEFT), shot(LEFT, track_id=2), shot((0, 50, 9, 59), track_id=3), shot((90, 0, 99, 9), track_id=4)]
    found = scorer.score(truth, shots)
    assert found.shown == {1: [1, 2], 2: []}
    assert found.false_tracks == [3]
    assert dict(found.counts) == {
        "vehicles": 2,
        "covered": 1,
        "missed": 1,
        "duplicates": 1,
        "false": 1,
        "exactly_one": 0,
        "ignored": 1,
        "wrong_merges": 0,
    }
    assert scorer.snapshots_per_vehicle(found.counts) == 2


@pytest.mark.parametrize(
    ("box", "shown"),
    [
        ((0, 0, 10, 4.1), 1),  # IoU 0.41
        ((0, 0, 10, 3.9), 1),  # IoU 0.39, but inside
        ((0, 4, 10, 20), None),  # IoU 0.3, 0.375 of it inside
        ((0, 0, 26, 10), None),  # IoU 0.38
        ((0, 0, 24, 10), 1),  # IoU 0.42
    ],
)
def test_a_box_shows_a_vehicle_by_overlap_or_as_a_part_of_it(tmp_path: Path, box: Box, shown: int | None) -> None:
    vehicle = scorer.vehicle_of(truth_of(tmp_path, {"boxes": at(LEFT)}), 15, box)
    assert (vehicle and vehicle.id) == shown


def test_an_ignored_region_takes_a_part_before_a_counted_vehicle_and_never_by_overlap(tmp_path: Path) -> None:
    region = {"boxes": at(LEFT), "ignore": True, "region": True}
    truth = truth_of(tmp_path, {"boxes": at((0, 0, 9, 10))}, region)
    whole, part = scorer.vehicle_of(truth, 15, LEFT), scorer.vehicle_of(truth, 15, (0, 0, 3, 3))
    assert (whole and whole.id, part and part.id) == (1, 2)


def test_a_snapshot_in_a_hidden_frame_still_shows_the_vehicle(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, {"boxes": at(LEFT), "hidden": [[14, 16]]})
    assert scorer.score(truth, [shot(LEFT)]).counts["covered"] == 1


def test_an_offset_is_the_nearest_frame_by_time(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, {"boxes": at(LEFT)})
    assert [truth.frame_at(offset_ms) for offset_ms in (0, 149, 151, 9999)] == [0, 1, 2, 39]
    uneven = ClipTruth("clip", np.array([0.0, 1000, 1040]), [])
    assert uneven.frame_at(1030) == 2


def test_a_track_that_moves_to_a_vehicle_without_a_snapshot_is_a_wrong_merge(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, {"boxes": at(LEFT)}, {"boxes": at(RIGHT)})
    moved = {1: {10: LEFT, 11: LEFT, 12: RIGHT, 13: RIGHT}}
    assert scorer.score(truth, [shot(LEFT)], moved).wrong_merges == {1: [1, 2]}
    assert scorer.score(truth, [shot(LEFT), shot(RIGHT, track_id=2)], moved).wrong_merges == {}
    assert scorer.score(truth, [shot(LEFT)], {1: {10: LEFT, 11: LEFT, 12: RIGHT}}).wrong_merges == {}


def test_a_clip_without_vehicles_or_snapshots_scores_zero(tmp_path: Path) -> None:
    counts = scorer.score(truth_of(tmp_path), []).counts
    assert not any(counts.values())
    assert scorer.snapshots_per_vehicle(counts) == 0

"""Tracks, rows and synthetic scenes as the scorer takes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from video_analysis.benchmarks.eval.truth import ClipTruth as SceneTruth
from video_analysis.benchmarks.truth import __main__ as make_truth
from video_analysis.benchmarks.truth import material, offline, scorer, tracked
from video_analysis.benchmarks.truth.scorer import Snapshot
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.simulator.truth import SceneFacts, SeenVehicle
from video_analysis.yolo_worker.types import Box, Frame, Track, TrackedFrame

HERE, THERE = (0.0, 0.0, 30.0, 30.0), (50.0, 0.0, 80.0, 30.0)
NOTHING = np.zeros((1, 1, 3), np.uint8)


def seen(vehicle: int, box: tuple[int, int, int, int], fraction: float = 1) -> SeenVehicle:
    return SeenVehicle(vehicle, "Car", "a", "b", (), "ABC 123", box, fraction, visible_px=900, cut=False)


def scene(*frames: list[SeenVehicle]) -> SceneTruth:
    return SceneTruth(SceneFacts(1, "clear", "day", "pole", 10, 100, 100, 2.0), frames)


def frame(index: int, *tracks: tuple[int, Box], links: Sequence[tuple[int, int]] = ()) -> TrackedFrame:
    found = [Track(key, box, 0.9, "Car") for key, box in tracks]
    return TrackedFrame(Frame(index, index * 100, NOTHING), found, (), links)


def test_a_track_has_the_boxes_of_all_its_keys_and_those_before_its_confirmation() -> None:
    frames = [
        frame(0, (7, HERE), (8, THERE)),
        frame(3, (7, HERE), links=[(7, 1)]),
        frame(6, (9, THERE), links=[(9, 1)]),
    ]
    assert tracked.tracks_of(frames) == {1: {0: HERE, 3: HERE, 6: THERE}}


def test_a_vehicle_of_a_scene_is_visible_where_it_is_not_hidden_and_counts_if_large_enough() -> None:
    large, hidden, small = seen(4, (0, 0, 30, 30)), seen(4, (0, 0, 30, 30), 0.3), seen(9, (50, 0, 60, 10))
    truth = material.truth_of("scene", scene([large], [large, small], [hidden], []))
    assert [(one.id, one.is_counted) for one in truth.vehicles] == [(4, True), (9, False)]
    assert [one.visible.any(1).tolist() for one in truth.vehicles] == [
        [True, True, False, False],
        [False, True, False, False],
    ]
    assert scorer.score(truth, [Snapshot(1, 300, HERE)]).counts["covered"] == 1
    assert truth.offsets_ms.tolist() == [0, 100, 200, 300]


def test_identities_are_counted_over_the_processed_frames_of_a_scene() -> None:
    car = seen(4, (0, 0, 30, 30))
    clip: Any = None
    known = material.Material("scene", clip, clip, None, scene([car], [car], [car]))
    assert known.identities({1: {0: HERE, 2: HERE}}, 2).mot.idf1() == 1
    assert known.identities({1: {0: HERE}, 2: {2: HERE}}, 2).mot.idf1() == 0.5
    assert material.Material("real", clip, clip, None).identities({1: {0: HERE}}, 1).mot.num_objects == 0


def test_rows_are_scored_by_their_box_and_time() -> None:
    box = {"x1": 1.25, "y1": 2, "x2": 3, "y2": 4.5, "frame_width": 10, "frame_height": 10}
    row = {"track_id": 7, "detected_in_ms": 2272, "detected_box": box, "updated_at": datetime.now(UTC)}
    rows = [row | {"variant": "baseline"}, row | {"variant": "cmt"}]
    assert make_truth.snapshots_of(StoredResults({}, rows, {})) == [Snapshot(7, 2272, (1.25, 2, 3, 4.5))]


def test_rows_are_compared_with_tracks_up_to_the_rounding_of_boxes() -> None:
    rows = [Snapshot(1, 100, (1.23, 2, 3, 4)), Snapshot(2, 200, HERE)]
    assert make_truth.is_same(rows, [Snapshot(2, 200, HERE), Snapshot(1, 100, (1.2345, 2, 3, 4))])
    assert not make_truth.is_same(rows, rows[:1])
    assert not make_truth.is_same(rows, [rows[0], Snapshot(2, 201, HERE)])
    assert not make_truth.is_same(rows, [rows[0], Snapshot(2, 200, THERE)])


def test_a_missing_clip_ends_both_commands_before_anything_starts(tmp_path: Path) -> None:
    missing = ["--data", str(tmp_path), "--weights", str(tmp_path / "none.pt")]
    assert make_truth.main([*missing, "--out", str(tmp_path / "out")]) == 2
    assert offline.main(missing) == 2
    assert list(tmp_path.iterdir()) == []

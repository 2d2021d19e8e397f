"""The real clips and photographs in `make eval`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from video_analysis.benchmarks.eval import real_clips, real_photographs
from video_analysis.benchmarks.eval.stage_one import ProcessedFrame, Shot, StageOne, StageOneResult, TrackBox
from video_analysis.benchmarks.truth.vehicles import ClipTruth, fully_known
from video_analysis.demo import weights
from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker.types import Box

FRAMES = 4
BOXES: list[Box] = [(0, 0, 50, 50), (100, 0, 150, 50), (200, 0, 250, 50)]
SHORT = "otvision_cars_truck_800x600_60f"


def truth() -> ClipTruth:
    """Three vehicles that stand still."""
    known = [
        fully_known(number, dict.fromkeys(range(FRAMES), box), [], FRAMES, is_counted=True)
        for number, box in enumerate(BOXES, start=1)
    ]
    return ClipTruth("clip", np.arange(FRAMES) * 100.0, known)


def result(*tracks: list[Box]) -> StageOneResult:
    """A snapshot of each track's last box; a track has a box in each frame."""
    frames = [
        ProcessedFrame(index, index * 100, [TrackBox(key, boxes[index], True) for key, boxes in enumerate(tracks)])
        for index in range(FRAMES)
    ]
    last = FRAMES - 1
    return StageOneResult(
        1, 3, frames, [Shot(key, last, last * 100, boxes[last], "Car", b"") for key, boxes in enumerate(tracks)]
    )


def test_missed_duplicate_and_false_snapshots_and_wrong_merges_are_counted() -> None:
    nowhere: Box = (400, 400, 450, 450)
    found = real_clips.score(
        truth(), result([BOXES[0]] * 4, [BOXES[0]] * 4, [nowhere] * 4, [*BOXES[1:2] * 2, *BOXES[2:] * 2])
    )
    assert (found["vehicles"], found["missed"], found["duplicates"], found["false"]) == (3, 1, 1, 1)
    assert found["wrong_merges"] == 1
    assert real_clips.rates(found) == {"snapshots_per_vehicle": 1.5, "missed_rate": 0.3333, "false_rate": 0.25}


def test_a_rate_outside_its_target_is_marked() -> None:
    found = {"stride": 3, "clips": {"a": {"vehicles": 3, "missed": 1}}, "all": {"vehicles": 3}}
    lines = [*real_clips.lines(found | {"snapshots_per_vehicle": 1.0, "missed_rate": 0.3333, "false_rate": 0.05})]
    assert [line.endswith("MISSED") for line in lines[1:4]] == [False, True, False]
    assert lines[-1] == "a: 3 vehicles, missed 1, duplicates 0, false 0, wrong_merges 0"


def test_without_data_it_says_so(tmp_path: Path) -> None:
    assert real_photographs.colours(tmp_path) == {"skipped": "they are not here"}
    assert [*real_clips.lines({"skipped": "they are not here"})] == ["real clips: they are not here"]


@pytest.mark.slow
def test_a_clip_with_its_truth_is_scored(shared_data: Path, model_cache: Path, tmp_path: Path) -> None:
    for kind, suffix in (("truth", "json"), ("video", "mp4")):
        (tmp_path / kind).mkdir()
        shutil.copy(shared_data / kind / f"{SHORT}.{suffix}", tmp_path / kind)
    config = WorkerConfig(yolo_weights=weights.DETECTOR, cache_dir=model_cache)
    found = real_clips.measure(tmp_path, StageOne(config))
    assert found["clips"] == {SHORT: found["all"]}
    assert found["all"]["covered"] + found["all"]["missed"] == found["all"]["vehicles"] == 5

"""The arithmetic and layout of `make bench`, and its peers on a few real frames."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from video_analysis.benchmarks.bench import (
    ablation_worker,
    ablations,
    chain,
    end_to_end,
    figures,
    material,
    quality,
    report,
)
from video_analysis.benchmarks.bench.stage_one import VideoRun
from video_analysis.main_worker import run_poller
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.yolo_worker.types import Frame

WIRINGS = ("ours", "ours_since_confirmation", "stock", "ultralytics_track")


def test_a_figure_is_the_median_of_its_samples_which_are_kept_in_order() -> None:
    result = figures.summary([10.0, 30.0, 20.0])
    assert result == {"median": 20.0, "spread": 1.0, "samples": [10.0, 30.0, 20.0]}


def test_a_figure_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="without samples"):
        figures.summary([])


def test_the_bound_is_what_the_cores_could_do_if_none_ever_waited() -> None:
    assert figures.bound_fps({"decode": 0.01, "detect": 0.03}, cores=2) == pytest.approx(50)


def test_an_accelerator_that_is_busy_for_longer_than_the_cores_is_the_bound() -> None:
    assert figures.bound_fps({"decode": 0.01, "detect": 0.01}, cores=2, accelerator_s=0.04) == pytest.approx(25)


def test_stages_that_cost_nothing_have_no_bound() -> None:
    with pytest.raises(ValueError, match="without cost"):
        figures.bound_fps({"decode": 0.0}, cores=2)


def test_a_ratio_is_of_samples_of_the_same_round_so_that_a_slow_machine_falls_out_of_it() -> None:
    ours, theirs = [40.0, 10.0, 40.0, 20.0], [10.0, 2.5, 10.0, 5.0]
    assert figures.paired_ratio(ours, theirs) == 4.0
    assert (
        end_to_end.summarise(
            {
                end_to_end.WORKER: ours,
                end_to_end.GIVEN: [45.0, 11.25, 45.0, 22.5],
                end_to_end.BOUND: [50.0, 12.5, 50.0, 25.0],
                end_to_end.BASELINE: theirs,
                end_to_end.TRACK: [20.0, 5.0, 20.0, 10.0],
                end_to_end.ALONE: [60.0] * 4,
            }
        ).items()
        >= {
            "stage1_efficiency": 0.8,
            "stage1_efficiency_of_time_given": 0.9,
            "speedup_vs_stock": 4.0,
            "speedup_vs_ultralytics_track": 2.0,
        }.items()
    )


def test_time_that_the_hypervisor_took_away_is_left_out_of_the_time_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    run = VideoRun(
        frames=100,
        vehicles=3,
        total_s=10.0,
        first_snapshot_s=1.0,
        worker_cpu_s=14.0,
        others_cpu_s=1.0,
        stolen_cpu_s=4.0,
    )
    assert (run.fps, run.fps_of_time_given) == (10.0, 12.5)
    assert run.cores_went_to == pytest.approx(
        {"worker": 0.7, "moto, PostgreSQL and the rest": 0.05, "the hypervisor": 0.2, "idle": 0.05}
    )


def test_a_lever_gives_what_its_undoing_loses_in_the_same_round() -> None:
    document: dict[str, Any] = ablations.gains({ablations.UNCHANGED: [20.0, 10.0], "undone": [10.0, 5.0]})
    assert (document["undone"]["gain"], document[ablations.UNCHANGED]["gain"]) == (2.0, 1.0)


def test_a_frame_is_made_square_without_moving_anything_in_it() -> None:
    (square,) = chain.squared([Frame(7, 280, np.full((3, 5, 3), 9, np.uint8))])
    assert (square.index, square.offset_ms, square.image.shape) == (7, 280, (5, 5, 3))
    assert square.image[:3].min() == 9
    assert square.image[3:].max() == 0


def test_a_lever_is_undone_only_as_long_as_it_is_asked_for() -> None:
    prefetch, records = SnapshotWorker.prefetch, vars(run_poller)["ImageAnalysisRepository"]
    with ablation_worker.without_prefetch():
        assert SnapshotWorker.prefetch(Any, Any) is None  # type: ignore[arg-type]
    with ablation_worker.without_batched_transactions():
        assert vars(run_poller)["ImageAnalysisRepository"] is not records
    assert (SnapshotWorker.prefetch, vars(run_poller)["ImageAnalysisRepository"]) == (
        prefetch,
        records,
    )


def test_quality_weighs_recall_by_boxes_and_sums_the_switches() -> None:
    rows = [
        {"sequence": "a", "boxes": 30, "recall": 1.0, "id_switches": 1, "tracks_per_vehicle": 1.0},
        {"sequence": "b", "boxes": 10, "recall": 0.2, "id_switches": 2, "tracks_per_vehicle": 1.5},
    ]
    document = quality.together({"ours": rows})
    assert (document["recall"], document["id_switches"], document["tracks_per_vehicle"]) == (
        {"ours": 0.8},
        {"ours": 3},
        {"ours": 1.25},
    )


def measured() -> dict[str, Any]:
    """What the sections hand over, as small as it can be."""
    samples = {name: figures.summary([10.0, 12.0, 11.0]) for name in (end_to_end.WORKER, end_to_end.BASELINE)}
    stride = {
        "stage1_fps": 11.0, "stage1_bound_fps": 11.5, "stage1_efficiency": 0.9565,
        "stage1_efficiency_of_time_given": 0.97, "detector_only_fps": 20.0,
        "stock_fps": 1.1, "ultralytics_track_fps": 5.5, "speedup_vs_stock": 10.0, "speedup_vs_ultralytics_track": 2.0,
        "samples": samples,
    }  # fmt: skip
    stage_two = {"stage2_ips": 9.0, "stage2_forward_ips": 10.0, "stage2_efficiency": 0.9, "startup_s": 4.0,
                 "rss_mb": 900.0, "samples": {"stage2_ips": figures.summary([9.0])}}  # fmt: skip
    return {
        "headline": {"stride_1": stride, "startup_s": 5.0, "rss_mb": 700.0},
        "quality": {
            "recall": dict(zip(WIRINGS, (0.9, 0.88, 0.8, 0.85), strict=True)),
            "id_switches": dict(zip(WIRINGS, (1, 3, 2, 4), strict=True)),
            "tracks_per_vehicle": dict(zip(WIRINGS, (1.2, 1.1, 1.1, 1.2), strict=True)),
        },
        "first_snapshot": {"first_snapshot_fraction": 0.2},
        "stage2": stage_two,
    }


def test_the_headline_stands_at_the_top_and_everything_else_below() -> None:
    document: dict[str, Any] = report.document(measured(), {"cores": 2}, {})
    assert list(document)[: len(report.FIGURES)] == list(report.FIGURES)
    assert None not in [document[name] for name in report.FIGURES]
    assert document["startup_s"] == {"yolo_worker": 5.0, "main_worker": 4.0}
    assert document["stage2_usual_model"]["stage2_ips"] == document["stage2_ips"] == 9.0
    assert document["headline"]["stride_1"]["samples"]["stock_fps"]["samples"] == [10.0, 12.0, 11.0]


def test_each_target_is_met_or_missed_by_its_own_figure() -> None:
    document = report.document(measured(), {}, {})
    assert document["targets"] == {
        "stage1_efficiency ≥ 0.95": True,
        "speedup_vs_stock ≥ 8": True,
        "speedup_vs_ultralytics_track ≥ 2.5": False,
        "stage2_efficiency ≥ 0.9": True,
        "first_snapshot_fraction ≤ 0.1": False,
        "recall no worse than stock": True,
        "id_switches no worse than stock": False,
        "tracks_per_vehicle no worse than stock": True,
    }


def test_what_could_not_be_measured_is_null_with_its_reason_and_meets_no_target() -> None:
    document: dict[str, Any] = report.document({}, {}, {"headline": "no clip"})
    assert [document[name] for name in report.FIGURES if name not in ("startup_s", "rss_mb")] == [None] * 16
    assert set(document["targets"].values()) == {None}
    assert "not measured: headline: no clip" in report.table(document)


def test_the_table_prints_each_figure_with_its_spread_and_samples() -> None:
    table = report.table(report.document(measured(), {}, {}))
    (line,) = [line for line in table.splitlines() if line.startswith("stage1_fps")]
    assert line.split() == ["stage1_fps", "11", "spread", "18%", "of", "10,", "12,", "11"]
    assert "MISSED        first_snapshot_fraction ≤ 0.1" in table


@pytest.fixture
def three_frames(tmp_path: Path) -> Path:
    clip = tmp_path / "three.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for level in (20, 120, 220):
        writer.write(np.full((48, 64, 3), (level, 0, 0), np.uint8))
    writer.release()
    return clip


def levels(clip: Path) -> list[int]:
    capture = cv2.VideoCapture(str(clip))
    read = []
    while (frame := capture.read())[0]:
        read.append(round(int(frame[1][:, :, 0].mean()) / 20) * 20)
    return read


def test_a_short_clip_is_made_long_by_running_to_and_fro(three_frames: Path, tmp_path: Path) -> None:
    made = material.long_enough(three_frames, 9, tmp_path)
    assert levels(made) == [20, 120, 220, 120, 20, 120, 220, 120, 20]
    assert material.long_enough(three_frames, 3, tmp_path) == three_frames


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["baseline_deepsort", "ultralytics_track"])
def test_a_peer_runs_here_and_reports_the_boxes_of_each_frame(peer: str, shared_data: Path, tmp_path: Path) -> None:
    clip = shared_data / "mot" / "jakarta_seqA" / "video.mp4"
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", f"video_analysis.benchmarks.bench.{peer}", "--frames", "3", "--out", str(out)]
    arguments = ["--clip", clip, "--weights", shared_data / "models" / "yolov8n_coco.pt", "--cache", tmp_path / "cache"]
    ran = subprocess.run(
        [*command, *map(str, arguments)],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    document = json.loads(out.read_text())
    assert len(document["tracked"]) == 3
    assert document["frames"] == (3 if peer == "baseline_deepsort" else 2)
    assert document["seconds"] > 0
    assert len(document["tracked"][-1]) >= 5, "there are about ten vehicles in each frame"
    assert all(len(box) == 4 and box[0] < box[2] <= 1281 for _, box in document["tracked"][-1])
    assert bool(document["pictures"]) == (peer == "baseline_deepsort")

"""Below the headline: 1, 5, 10 and 20 vehicles a frame at both strides, and every real clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from video_analysis.benchmarks.bench import end_to_end, material
from video_analysis.benchmarks.bench.figures import Told, rounded
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.benchmarks.bench.stage_one import StageOne
from video_analysis.benchmarks.eval import truth
from video_analysis.training.ground_truth_filter import shows

STRIDES = (1, 3)


def densities(bench: Bench, stage: StageOne, clips: Mapping[int, Path], weights: Path) -> Told:
    """For each density: both strides, end to end beside the bound. One run of each, one after the other."""
    return {
        str(density): {f"stride_{stride}": _beside(bench, stage, clip, stride, weights) for stride in STRIDES}
        for density, clip in clips.items()
    }


def _beside(bench: Bench, stage: StageOne, clip: Path, stride: int, weights: Path) -> Told:
    passage = stage.passage(clip, stride)
    alone: dict[str, Any] = end_to_end.alone(bench, clip, weights, stride, passage.frames)
    return {
        "stage1_fps": rounded(passage.fps),
        "stage1_bound_fps": rounded(alone["stage1_bound_fps"]),
        "stage1_efficiency": rounded(passage.fps / alone["stage1_bound_fps"]),
        "stage1_efficiency_of_time_given": rounded(passage.fps_of_time_given / alone["stage1_bound_fps"]),
        "cores_went_to": {name: rounded(share) for name, share in passage.cores_went_to.items()},
        "detector_only_fps": rounded(alone["detector_only_fps"]),
        "vehicles_per_frame": rounded(alone["vehicles_per_frame"]),
        "true_vehicles_per_frame": rounded(_true_vehicles(clip)),
        "frames": passage.frames,
        "snapshots": passage.vehicles,
        "cpu_s_a_frame": alone["cpu_s_a_frame"],
    }


def _true_vehicles(clip: Path) -> float:
    """Of those that the workers are asked to find."""
    return fmean(sum(shows(one) for one in frame) for frame in truth.read(clip).frames)


def real(stage: StageOne, clips: Iterable[Path]) -> Told:
    """Every real clip once, each frame of it."""
    return {material.name_of(clip): _once(stage, clip) for clip in clips}


def _once(stage: StageOne, clip: Path) -> Told:
    passage = stage.passage(clip, 1)
    return {"stage1_fps": rounded(passage.fps), "frames": passage.frames, "snapshots": passage.vehicles}


def first_snapshot(stage: StageOne, clip: Path) -> Told:
    """How soon the first vehicle is announced, on a clip whose first vehicle leaves early: one sample."""
    passage = stage.passage(clip, 1)
    fraction = None if passage.first_snapshot_s is None else rounded(passage.first_snapshot_s / passage.total_s)
    return {
        "first_snapshot_fraction": fraction,
        "first_snapshot_s": passage.first_snapshot_s,
        "total_s": rounded(passage.total_s),
        "snapshots": passage.vehicles,
        "clip": material.name_of(clip),
    }

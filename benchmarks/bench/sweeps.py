"""Speed by number of vehicles (1, 5, 10 and 20 per frame) and stride, and of every real clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.bench import end_to_end
from video_analysis.benchmarks.bench.figures import JsonObject, rounded
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.benchmarks.bench.stage_one import StageOne
from video_analysis.benchmarks.eval import truth
from video_analysis.training.ground_truth_filter import is_required

STRIDES = (1, 3)


def densities(bench: Bench, stage: StageOne, clips: Mapping[int, Path], weights: Path) -> JsonObject:
    """For each density and stride: one run end to end, and the bound."""
    return {
        str(density): {f"stride_{stride}": _density(bench, stage, clip, stride, weights) for stride in STRIDES}
        for density, clip in clips.items()
    }


def _density(bench: Bench, stage: StageOne, clip: Path, stride: int, weights: Path) -> JsonObject:
    run = stage.run_video(clip, stride)
    alone = end_to_end.alone(bench, clip, weights, stride, run.frames)
    return {
        "stage1_fps": rounded(run.fps),
        "stage1_bound_fps": rounded(alone["stage1_bound_fps"]),
        "stage1_efficiency": rounded(run.fps / alone["stage1_bound_fps"]),
        "stage1_efficiency_of_time_given": rounded(run.fps_of_time_given / alone["stage1_bound_fps"]),
        "cores_went_to": {name: rounded(share) for name, share in run.cores_went_to.items()},
        "detector_only_fps": rounded(alone["detector_only_fps"]),
        "vehicles_per_frame": rounded(alone["vehicles_per_frame"]),
        "true_vehicles_per_frame": rounded(_true_vehicles(clip)),
        "frames": run.frames,
        "snapshots": run.vehicles,
        "cpu_s_a_frame": alone["cpu_s_a_frame"],
    }


def _true_vehicles(clip: Path) -> float:
    """Mean number of required vehicles per frame."""
    return fmean(sum(is_required(one) for one in frame) for frame in truth.read(clip).frames)


def real(stage: StageOne, clips: Iterable[Path]) -> JsonObject:
    """Every real clip once, at stride 1."""
    return {real_data.name_of(clip): _once(stage, clip) for clip in clips}


def _once(stage: StageOne, clip: Path) -> JsonObject:
    run = stage.run_video(clip, 1)
    return {"stage1_fps": rounded(run.fps), "frames": run.frames, "snapshots": run.vehicles}


def first_snapshot(stage: StageOne, clip: Path) -> JsonObject:
    """Time of the first snapshot message, on a clip whose first vehicle leaves early: one sample."""
    run = stage.run_video(clip, 1)
    fraction = None if run.first_snapshot_s is None else rounded(run.first_snapshot_s / run.total_s)
    return {
        "first_snapshot_fraction": fraction,
        "first_snapshot_s": run.first_snapshot_s,
        "total_s": rounded(run.total_s),
        "snapshots": run.vehicles,
        "clip": real_data.name_of(clip),
    }

"""The headline figures: the worker, its stages alone and two peers on one clip, at stride 1 and briefly at stride 3.

They run alternately in each round, so that changes in the machine's speed affect all of them; ratios are of figures
of the same round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from video_analysis.benchmarks.bench.figures import JsonObject, paired_ratio, rounded, summary
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.benchmarks.bench.stage_one import StageOne

WORKER, BOUND, ALONE = "stage1_fps", "stage1_bound_fps", "detector_only_fps"
GIVEN = "stage1_fps_of_time_given"
BASELINE, TRACK = "stock_fps", "ultralytics_track_fps"
Samples = dict[str, list[float]]
Say = Callable[[str], None]


def at_stride(
    bench: Bench, plan: Plan, stage: StageOne, clip: Path, stride: int, weights: Path, rounds: int, say: Say
) -> JsonObject:
    """All figures at one stride, with each one's samples."""
    samples: Samples = defaultdict(list)
    last: JsonObject = {}
    shares: list[dict[str, float]] = []
    for number in range(1, rounds + 1):
        run = stage.run_video(clip, stride)
        samples[WORKER].append(run.fps)
        samples[GIVEN].append(run.fps_of_time_given)
        shares.append(run.cores_went_to)
        last = alone(bench, clip, weights, stride, run.frames)
        samples[BOUND].append(last[BOUND])
        samples[ALONE].append(last[ALONE])
        for name, module, frames in (
            (BASELINE, "baseline_deepsort", plan.baseline_frames),
            (TRACK, "ultralytics_track", plan.track_frames),
        ):
            samples[name].append(peer_fps(bench, module, clip, weights, stride, frames))
        text = ", ".join(f"{name} {taken[-1]:.1f}" for name, taken in samples.items())
        say(f"stride {stride}, round {number} of {rounds}: {text}")
    return summarise(samples) | {
        "last_stages": last,
        "frames": run.frames,
        "vehicles": run.vehicles,
        "worker_cpu_s_a_frame": rounded(run.worker_cpu_s / run.frames),
        "cores_went_to": {name: summary([one[name] for one in shares]) for name in shares[0]},
    }


def summarise(samples: Samples) -> JsonObject:
    """Medians, ratios of paired samples, and the samples. Pure."""
    figures = {name: summary(taken) for name, taken in samples.items()}
    ratios = {
        "stage1_efficiency": paired_ratio(samples[WORKER], samples[BOUND]),
        "stage1_efficiency_of_time_given": paired_ratio(samples[GIVEN], samples[BOUND]),
        "speedup_vs_stock": paired_ratio(samples[WORKER], samples[BASELINE]),
        "speedup_vs_ultralytics_track": paired_ratio(samples[WORKER], samples[TRACK]),
    }
    medians = {name: figure["median"] for name, figure in figures.items()}
    return medians | {name: rounded(ratio) for name, ratio in ratios.items()} | {"samples": figures}


def alone(bench: Bench, clip: Path, weights: Path, stride: int, frames: int) -> JsonObject:
    """Each stage alone, over the first `frames` processed frames of the clip."""
    arguments = [clip, "--weights", weights, "--strides", str(stride), "--frames", str(frames)]
    report: JsonObject = bench.run_json("bench.stages", arguments)[str(clip)][0]
    return report


def peer_fps(bench: Bench, module: str, clip: Path, weights: Path, stride: int, frames: int) -> float:
    """Processed frames per second of a peer."""
    arguments = [
        *("--clip", clip, "--weights", weights),
        *("--stride", str(stride), "--frames", str(frames)),
    ]
    run = bench.run_json(f"bench.{module}", arguments)
    return float(run["frames"] / run["seconds"])

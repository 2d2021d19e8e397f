"""The headline: the worker, its stages alone and the two peers in turn on one clip, at stride 1 and briefly at 3.

They take turns, round after round, so that a machine that speeds up or slows down does so under all of them; ratios
are of the same round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from video_analysis.benchmarks.bench.figures import Told, paired_ratio, rounded, summary
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.benchmarks.bench.stage_one import StageOne

WORKER, BOUND, ALONE = "stage1_fps", "stage1_bound_fps", "detector_only_fps"
GIVEN = "stage1_fps_of_time_given"
STOCK, TRACK = "stock_fps", "ultralytics_track_fps"
Samples = dict[str, list[float]]
Say = Callable[[str], None]


def at_stride(
    bench: Bench, plan: Plan, stage: StageOne, clip: Path, stride: int, weights: Path, rounds: int, say: Say
) -> Told:
    """All figures at one stride, with each one's samples."""
    samples: Samples = defaultdict(list)
    last: Told = {}
    shares: list[dict[str, float]] = []
    for number in range(1, rounds + 1):
        passage = stage.passage(clip, stride)
        samples[WORKER].append(passage.fps)
        samples[GIVEN].append(passage.fps_of_time_given)
        shares.append(passage.cores_went_to)
        last = alone(bench, clip, weights, stride, passage.frames)
        samples[BOUND].append(float(str(last[BOUND])))
        samples[ALONE].append(float(str(last[ALONE])))
        for name, module, frames in (
            (STOCK, "stock", plan.stock_frames),
            (TRACK, "ultralytics_track", plan.track_frames),
        ):
            samples[name].append(peer_fps(bench, module, clip, weights, stride, frames))
        said = ", ".join(f"{name} {taken[-1]:.1f}" for name, taken in samples.items())
        say(f"stride {stride}, round {number} of {rounds}: {said}")
    return told(samples) | {
        "last_stages": last,
        "frames": passage.frames,
        "vehicles": passage.vehicles,
        "worker_cpu_s_a_frame": rounded(passage.worker_cpu_s / passage.frames),
        "cores_went_to": {name: summary([one[name] for one in shares]) for name in shares[0]},
    }


def told(samples: Samples) -> Told:
    """Medians, ratios of paired samples, and the samples. Pure."""
    figures = {name: summary(taken) for name, taken in samples.items()}
    ratios = {
        "stage1_efficiency": paired_ratio(samples[WORKER], samples[BOUND]),
        "stage1_efficiency_of_time_given": paired_ratio(samples[GIVEN], samples[BOUND]),
        "speedup_vs_stock": paired_ratio(samples[WORKER], samples[STOCK]),
        "speedup_vs_ultralytics_track": paired_ratio(samples[WORKER], samples[TRACK]),
    }
    medians = {name: figure["median"] for name, figure in figures.items()}
    return medians | {name: rounded(ratio) for name, ratio in ratios.items()} | {"samples": figures}


def alone(bench: Bench, clip: Path, weights: Path, stride: int, frames: int) -> Told:
    """The stages one by one, over the clip's first `frames` processed ones."""
    arguments = [clip, "--weights", weights, "--strides", str(stride), "--frames", str(frames)]
    told: Told = bench.told("bench.stages", arguments)[str(clip)][0]
    return told


def peer_fps(bench: Bench, module: str, clip: Path, weights: Path, stride: int, frames: int) -> float:
    """Processed frames a second of a peer."""
    arguments = [
        *("--clip", clip, "--weights", weights),
        *("--stride", str(stride), "--frames", str(frames)),
    ]
    run = bench.told(f"bench.{module}", arguments)
    return float(run["frames"] / run["seconds"])

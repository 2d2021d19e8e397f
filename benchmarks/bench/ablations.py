"""Ablations: the rate with all optimisations, and with one of them off at a time, in alternating order."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from video_analysis.benchmarks.bench import ablation_worker, end_to_end, stage_one, stage_two
from video_analysis.benchmarks.bench.figures import JsonObject, paired_ratio, rounded, summary
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.devstack.local_stack import Stack

UNCHANGED = "unchanged"
CHAIN: Mapping[str, tuple[str, ...]] = {
    UNCHANGED: (),
    "an appearance vector for every box of every frame": ("--embed-interval-s", "0"),
    "PyTorch in place of OpenVINO": ("--device", "torch"),
    "a square input": ("--square",),
}
"""Options of bench.chain."""
BLAS = "a BLAS thread for each core"
SEQUENTIAL = "one stage after the other"
UPLOAD_WORKERS = {UNCHANGED: {}, "one upload worker": {"CVITX_SNAPSHOT_UPLOAD_WORKERS": "1"}}
Samples = defaultdict[str, list[float]]
Name = TypeVar("Name")
Thing = TypeVar("Thing")


def chain(bench: Bench, plan: Plan, clip: Path, weights: Path) -> JsonObject:
    """Stage 1 without queue, S3 and database."""
    samples: Samples = defaultdict(list)
    frames = ["--weights", weights, "--frames", str(plan.stage_frames)]
    threads = {"OPENBLAS_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
    for number in range(plan.ablation_rounds):
        for name, options in alternating(CHAIN, number):
            samples[name].append(bench.run_json("bench.chain", [clip, *frames, *options])["fps"])
            if name == UNCHANGED:
                samples[BLAS].append(bench.run_json("bench.chain", [clip, *frames], threads)["fps"])
                samples[SEQUENTIAL].append(_sequential_fps(bench, clip, weights, plan.stage_frames))
    return gains(samples)


def alternating(things: Mapping[Name, Thing], round_number: int) -> list[tuple[Name, Thing]]:
    """Reversed in every second round, so that a machine that slows down does not always slow the same item."""
    items = list(things.items())
    return items[::-1] if round_number % 2 else items


def _sequential_fps(bench: Bench, clip: Path, weights: Path, frames: int) -> float:
    report = end_to_end.alone(bench, clip, weights, 1, frames)
    return float(report["in_turn_fps"])


def upload_workers(bench: Bench, plan: Plan, stack: Stack, clip: Path, weights: Path) -> JsonObject:
    """Stage 1 from queue to queue on a short clip, at whose end all visible vehicles are uploaded together."""
    samples: Samples = defaultdict(list)
    for number in range(plan.ablation_rounds):
        for name, settings in alternating(UPLOAD_WORKERS, number):
            with stage_one.running(bench, stack, weights, clip, settings) as stage:
                samples[name].append(stage.run_video(clip, 1).fps)
    return gains(samples)


def second_stage(bench: Bench, plan: Plan, stack: Stack, checkpoint: Path) -> JsonObject:
    """Stage 2 from queue to row, with a model so small that the other costs dominate."""
    samples: Samples = defaultdict(list)
    ablations = {UNCHANGED: None, **{name: name for name in ablation_worker.ABLATIONS}}
    for number in range(plan.ablation_rounds):
        for name, without in alternating(ablations, number):
            with stage_two.running(bench, stack, checkpoint, without) as stage:
                samples[name].append(stage.ips(plan.ablation_snapshots))
    return gains(samples)


def gains(samples: Mapping[str, list[float]]) -> JsonObject:
    """Each one's rate, and how many times as much is done as it is now. Pure."""
    return {
        name: summary(taken) | {"gain": rounded(paired_ratio(samples[UNCHANGED], taken))}
        for name, taken in samples.items()
    }

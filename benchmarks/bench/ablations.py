"""What each lever gives by itself: everything as it is, and with one thing undone at a time, in turn."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from video_analysis.benchmarks.bench import ablation_worker, end_to_end, stage_one, stage_two
from video_analysis.benchmarks.bench.figures import Told, paired_ratio, rounded, summary
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench
from video_analysis.devstack.local_stack import Stack

AS_IS = "as it is"
CHAIN: Mapping[str, tuple[str, ...]] = {
    AS_IS: (),
    "an appearance vector for every box of every frame": ("--embed-interval-s", "0"),
    "PyTorch in place of OpenVINO": ("--device", "torch"),
    "a square input": ("--square",),
}
"""Options of bench.chain."""
BLAS = "a BLAS thread for each core"
IN_TURN = "one stage after the other"
EMITTERS = {AS_IS: {}, "one vehicle handed on at a time": {"CVITX_SNAPSHOT_UPLOAD_WORKERS": "1"}}
Samples = defaultdict[str, list[float]]
Name = TypeVar("Name")
Thing = TypeVar("Thing")


def chain(bench: Bench, plan: Plan, clip: Path, weights: Path) -> Told:
    """Stage 1 without queue, S3 and database."""
    samples: Samples = defaultdict(list)
    frames = ["--weights", weights, "--frames", str(plan.stage_frames)]
    threads = {"OPENBLAS_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
    for number in range(plan.lever_rounds):
        for name, options in to_and_fro(CHAIN, number):
            samples[name].append(bench.told("bench.chain", [clip, *frames, *options])["fps"])
            if name == AS_IS:
                samples[BLAS].append(bench.told("bench.chain", [clip, *frames], threads)["fps"])
                samples[IN_TURN].append(_in_turn(bench, clip, weights, plan.stage_frames))
    return gains(samples)


def to_and_fro(things: Mapping[Name, Thing], round_number: int) -> list[tuple[Name, Thing]]:
    """Every second round backwards, so that a machine that slows down does not always find the same one last."""
    items = list(things.items())
    return items[::-1] if round_number % 2 else items


def _in_turn(bench: Bench, clip: Path, weights: Path, frames: int) -> float:
    told: dict[str, Any] = end_to_end.alone(bench, clip, weights, 1, frames)
    return float(told["in_turn_fps"])


def emitters(bench: Bench, plan: Plan, stack: Stack, clip: Path, weights: Path) -> Told:
    """Stage 1 from queue to queue, on a short clip: at its end all that is in view is handed on together."""
    samples: Samples = defaultdict(list)
    for number in range(plan.lever_rounds):
        for name, settings in to_and_fro(EMITTERS, number):
            with stage_one.running(bench, stack, weights, clip, settings) as stage:
                samples[name].append(stage.passage(clip, 1).fps)
    return gains(samples)


def second_stage(bench: Bench, plan: Plan, stack: Stack, checkpoint: Path) -> Told:
    """Stage 2 from queue to row, with a model so small that all beside it shows."""
    samples: Samples = defaultdict(list)
    levers = {AS_IS: None, **{name: name for name in ablation_worker.LEVERS}}
    for number in range(plan.lever_rounds):
        for name, without in to_and_fro(levers, number):
            with stage_two.running(bench, stack, checkpoint, without) as stage:
                samples[name].append(stage.ips(plan.lever_snapshots))
    return gains(samples)


def gains(samples: Mapping[str, list[float]]) -> Told:
    """Each one's rate, and how many times as much is done as it is now. Pure."""
    return {
        name: summary(taken) | {"gain": rounded(paired_ratio(samples[AS_IS], taken))} for name, taken in samples.items()
    }

"""What each lever gives by itself: the chain as it is, and with one thing undone at a time, in turn."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

from video_analysis.benchmarks.bench.figures import Told, paired_ratio, rounded, summary
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench

AS_IS = "as it is"
UNDONE: dict[str, tuple[str, ...]] = {
    AS_IS: (),
    "an appearance vector for every box of every frame": ("--look-s", "0"),
    "PyTorch in place of OpenVINO": ("--device", "torch"),
}


def measure(bench: Bench, plan: Plan, clip: Path, weights: Path) -> Told:
    """Frames a second of the chain without queue, S3 and database, and how many times as many the lever gives."""
    samples: dict[str, list[float]] = defaultdict(list)
    in_turn: list[float] = []
    for _ in range(plan.lever_rounds):
        for name, arguments in UNDONE.items():
            stages = _stages(bench, plan, clip, weights, arguments)
            samples[name].append(float(stages["chain_fps"]))
            if name == AS_IS:
                in_turn.append(float(stages["in_turn_fps"]))
    samples["one stage after the other"] = in_turn
    return {
        name: summary(taken) | {"gain": rounded(paired_ratio(samples[AS_IS], taken))} for name, taken in samples.items()
    } | {"median_chain_fps": rounded(median(samples[AS_IS]))}


def _stages(bench: Bench, plan: Plan, clip: Path, weights: Path, arguments: tuple[str, ...]) -> dict[str, float]:
    frames = ("--chain", "--frames", str(plan.stage_frames))
    told: dict[str, list[dict[str, float]]] = bench.told(
        "bench.stages", [clip, "--weights", weights, *frames, *arguments]
    )
    return told[str(clip)][0]

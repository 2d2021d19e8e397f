"""The real clips of ../shared/data whose vehicles are known, by the evaluated detector: missed, duplicate and false.

`benchmarks.truth` measures the same through both whole workers, at several strides, with the YOLOv8n detector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.eval.stage_one import StageOne, StageOneResult
from video_analysis.benchmarks.real_data import ABSENT
from video_analysis.benchmarks.truth import material, scorer, vehicles
from video_analysis.benchmarks.truth.scorer import Snapshot
from video_analysis.yolo_worker.types import Box

STRIDE = 3
TARGETS: Mapping[str, tuple[float, float]] = {
    "snapshots_per_vehicle": (0.95, 1.05),
    "missed_rate": (0.0, 0.1),
    "false_rate": (0.0, 0.05),
}
"""Least and most value over all clips."""


def measure(data: Path, first: StageOne) -> dict[str, Any]:
    """The counts of each clip, and counts and rates of all together; or why there are none."""
    found: dict[str, Counter[str]] = {}
    for path in material.true_clips(data):
        clip = material.real_clips(data)[path.stem]
        if clip.is_file():
            found[path.stem] = score(vehicles.read(path), first.process(clip, STRIDE))
    if not found:
        return {"skipped": ABSENT}
    total = Counter[str]()
    for counts in found.values():
        total.update(counts)  # a sum of counters has no zeros
    return {"stride": STRIDE, "clips": {name: {**of} for name, of in found.items()}, "all": {**total}, **rates(total)}


def score(truth: vehicles.ClipTruth, result: StageOneResult) -> Counter[str]:
    """The counts of one clip."""
    tracks: dict[int, dict[int, Box]] = {}
    for frame in result.frames:
        for track in frame.tracks:
            if track.confirmed:
                tracks.setdefault(track.key, {})[frame.index] = track.box
    snapshots = [Snapshot(shot.key, shot.offset_ms, shot.box) for shot in result.shots]
    return scorer.score(truth, snapshots, tracks).counts


def rates(counts: Counter[str]) -> dict[str, float]:
    """The figures with a target: snapshots of a vehicle that has one; share of vehicles missed, of snapshots false."""
    snapshots = counts["covered"] + counts["duplicates"] + counts["false"]
    return {
        "snapshots_per_vehicle": round(scorer.snapshots_per_vehicle(counts), 4),
        "missed_rate": round(counts["missed"] / max(1, counts["vehicles"]), 4),
        "false_rate": round(counts["false"] / max(1, snapshots), 4),
    }


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The figures of all clips with their targets, and the counts of each, or why they were not measured."""
    if "skipped" in found:
        yield f"real clips: {found['skipped']}"
        return
    yield f"real clips, stride {found['stride']}: {found['all']['vehicles']} vehicles"
    for name, (least, most) in TARGETS.items():
        wanted = f"{least:g}-{most:g}" if least else f"≤ {most:g}"
        missed = "" if least <= found[name] <= most else "  MISSED"
        yield f"{name:<24}{wanted:>12}{found[name]:>11.4g}{missed}"
    for name, of in found["clips"].items():
        counts = ", ".join(f"{key} {of.get(key, 0)}" for key in ("missed", "duplicates", "false", "wrong_merges"))
        yield f"{name}: {of['vehicles']} vehicles, {counts}"

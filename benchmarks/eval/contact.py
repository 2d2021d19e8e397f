"""A clip's snapshots on one sheet, each with its true and its predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

from video_analysis.benchmarks.eval import matching
from video_analysis.benchmarks.eval.predictions import SnapshotPredictions
from video_analysis.benchmarks.eval.stage_one import Shot, StageOneResult
from video_analysis.benchmarks.eval.truth import ClipTruth
from video_analysis.demo import contact_sheet
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot


def sheet(truth: ClipTruth, result: StageOneResult, predictions: Sequence[SnapshotPredictions]) -> contact_sheet.Image:
    """H×W×3 BGR, in time order."""
    both = sorted(zip(result.shots, predictions, strict=True), key=lambda pair: pair[0].offset_ms)
    return contact_sheet.draw(
        [(check_snapshot(shot.jpeg, "image/jpeg"), _lines(truth, shot, read)) for shot, read in both]
    )


def _lines(truth: ClipTruth, shot: Shot, read: SnapshotPredictions) -> list[str]:
    vehicle = matching.shown(truth.frames[shot.frame], shot.box)
    shown = [f"{one.id} {one.make} {one.model}" for one in truth.frames[shot.frame] if one.id == vehicle]
    joint = {variant: prediction.joint for variant, prediction in read.by_variant.items()}
    named = [
        f"{variant}: {verdict.make_label} {verdict.model_label} {verdict.model_conf or 0:.2f}"
        for variant, verdict in joint.items()
    ]
    colors = [f"{one.base} {one.conf:.2f}" for one in read.colors[:1]]
    return [f"{shot.offset_ms / 1000:.1f} s {shot.type}", f"is {shown[0] if shown else 'no vehicle'}", *named, *colors]

"""Stage 2's predictions for one snapshot, and alternative decodings of the same logits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from video_analysis.benchmarks.eval.decoding import Names
from video_analysis.main_worker.attributes.color import Color
from video_analysis.main_worker.attributes.plate import PlateResult
from video_analysis.main_worker.types import Verdict
from video_analysis.worker_utils.db.row_types import Variant


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predictions of one variant."""

    joint: Verdict
    """The worker's decision without abstention, so that every level is right or wrong."""
    abstaining: Verdict
    """The worker's decision with the checkpoint's thresholds, as in the row."""
    greedy: Names
    heads: Names


@dataclass(frozen=True, slots=True)
class SnapshotPredictions:
    """All predictions for one snapshot."""

    by_variant: Mapping[Variant, Prediction]
    colors: Sequence[Color] = ()
    """Main colour first; empty if no paint was found."""
    plate: PlateResult | str = "not looked for"
    """The result, or why plates were not read."""

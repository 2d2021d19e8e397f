"""What stage 2 made of one snapshot, and what else could have been made of the same logits. Pure."""

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
    """One variant's."""

    joint: Verdict
    """The worker's own, but every level speaks: an abstention would be neither right nor wrong."""
    abstaining: Verdict
    """The worker's own, by the checkpoint's thresholds: what would stand in the row."""
    greedy: Names
    heads: Names


@dataclass(frozen=True, slots=True)
class SnapshotPredictions:
    """All of a snapshot."""

    by_variant: Mapping[Variant, Prediction]
    colors: Sequence[Color] = ()
    """The main one first; none where no paint was seen."""
    plate: PlateResult | str = "not looked for"
    """Or why none was looked for."""

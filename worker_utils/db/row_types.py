"""What the main worker asks of `image_analyses` and `image_analysis_results`. Pure.

The worker builds the values, the database stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.db.attempt_status import Status

Variant = Literal["baseline", "cmt"]


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One snapshot about to be worked on, in the words of its message: enough to insert its row if there is none."""

    workspace_id: str
    video_id: str
    workspace_code: str
    camera_code: str
    track_id: int
    snapshot_uri: str
    recorded_at: datetime | None
    detected_in_ms: int
    detected_at: datetime | None
    yolo_type: YoloType
    receive_count: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """The row of one request, as it stood before this attempt began."""

    id: str
    snapshot_uri: str
    status: Status
    done_checkpoints: Mapping[str, str]
    """Variant to checkpoint, of the result rows that are there."""
    died_every_time: bool
    """What `attempts.opening` found: there is nothing to try any more."""
    died_before: bool
    """It is to be tried alone."""


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One row of `image_analysis_results`. Confidences are 0..1; a label and its confidence are null together."""

    variant: Variant
    checkpoint: str
    type_label: str | None
    type_conf: float | None
    make_label: str | None
    make_conf: float | None
    model_label: str | None
    model_conf: float | None
    evidence: Mapping[str, object]
    assets: Mapping[str, str]
    latency_ms: int
    """Of this picture: its share of the forward pass it was in."""
    gflops: float | None
    """10⁹ operations of one picture's forward pass, a multiply and an add being two."""
    memory_usage: float
    """GB (10⁹ bytes) of the process: resident, or the peak on its CUDA device."""
    colors: list[Mapping[str, object]] | None = None
    plate_text: str | None = None
    plate_conf: float | None = None


@dataclass(frozen=True, slots=True)
class FinishedAnalysis:
    """All results of one snapshot; writing them makes its row `done` and clears its error_msg."""

    id: str
    results: tuple[VariantResult, ...]

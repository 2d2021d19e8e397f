"""What the main worker asks of `image_analyses` and `image_analysis_results`, and the rule of their status. Pure.

The worker builds the values, the database stores them; `opening` decides, from the row as it was found, what
beginning an attempt writes into it, so that no row stays `processing` for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from video_analysis.worker_utils.messages import YoloType

Variant = Literal["baseline", "cmt"]
Status = Literal["queued", "processing", "done", "error"]

LAST_ATTEMPT = "last attempt under way; if this stays, the worker died in it"
DIED_EVERY_TIME = "the worker died in every attempt at this snapshot, and left no other reason"


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
    error_msg: str | None
    done_checkpoints: Mapping[str, str]
    """Variant to checkpoint, of the result rows that are there."""
    died_every_time: bool
    """What `opening` found: there is nothing to try any more."""


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


@dataclass(frozen=True, slots=True)
class Opening:
    """What beginning an attempt writes into the row."""

    status: Status
    error_msg: str | None
    died_every_time: bool = False


def opening(status: Status, error_msg: str | None, receive_count: int, is_last: bool) -> Opening:
    """What to write when an attempt begins, from the row as found and the receive it is.

    A `done` row is left as it is: a duplicate that fails must not take its results back. The first receive
    clears the reason of an earlier life of the row, later ones keep what the receives before them left. The
    last one writes `error` in advance, so that a death in it leaves an error; if none of the receives before
    it left a reason, the process died each time, and the row is given up at once.
    """
    if status == "done":
        return Opening(status, error_msg)
    no_outcome = (status == "processing" and error_msg is None) or error_msg == DIED_EVERY_TIME
    if is_last and receive_count > 1 and no_outcome:
        return Opening("error", DIED_EVERY_TIME, died_every_time=True)
    if is_last:
        return Opening("error", LAST_ATTEMPT)
    return Opening("processing", None if receive_count == 1 else error_msg)

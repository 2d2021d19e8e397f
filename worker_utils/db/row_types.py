"""Values that the repositories of `image_analyses` and `image_analysis_results` take and return. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.db.attempt_status import Status

Variant = Literal["baseline", "cmt"]


@dataclass(frozen=True, slots=True)
class DetectedBox:
    """The column `detected_box`: the vehicle in the frame of its snapshot.

    In px of the frame as displayed (rotated, square pixels).
    """

    x1: float
    y1: float
    x2: float
    y2: float
    frame_width: int
    frame_height: int


@dataclass(frozen=True, slots=True)
class SnapshotClaim:
    """The row of one vehicle of a run: inserted, or adopted from an earlier attempt or an operator."""

    message: SnapshotReady
    """Names the snapshot of the row."""
    is_other_frame: bool
    """The row names the snapshot of another frame: upload this one only if that object does not exist yet."""
    send_denied: bool = False
    """The row has the code `send_denied`, which must be removed when its message is sent."""
    was_sent: bool = False
    """main_worker processes the snapshot of an adopted row, or has processed it."""


@dataclass(frozen=True, slots=True)
class SnapshotColumns:
    """The columns of `image_analyses` that come from a SNAPSHOT_READY, under the names of the columns."""

    workspace_id: str
    video_id: str
    workspace_code: str
    camera_code: str
    track_id: int
    snapshot_s3_key: str
    """The URI, as in the message."""
    recorded_at: datetime | None
    detected_in_ms: int
    detected_at: datetime | None
    yolo_type: YoloType


def snapshot_columns(message: SnapshotReady) -> SnapshotColumns:
    """The columns of the row for `message`."""
    recorded_at = None if message.recordedAt is None else timestamps.parse_instant(message.recordedAt)
    return SnapshotColumns(
        workspace_id=message.workspace_id,
        video_id=message.video_id,
        workspace_code=message.workspace_code,
        camera_code=message.camera_code,
        track_id=message.track_id,
        snapshot_s3_key=message.snapshot_s3_key,
        recorded_at=recorded_at,
        detected_in_ms=message.detectedIn,
        detected_at=timestamps.instant_at(recorded_at, message.detectedIn),
        yolo_type=message.yolo_type,
    )


@dataclass(frozen=True, slots=True)
class AnalysisRequest(SnapshotColumns):
    """One receive of a snapshot's message, with the columns to insert its row if it does not exist."""

    receive_count: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """The row of one request before this attempt began, and the consequences for this attempt."""

    id: str
    snapshot_uri: str
    status: Status
    done_checkpoints: Mapping[str, str]
    """Variant → checkpoint of the results that exist."""
    died_every_time: bool
    """The worker crashed in every attempt: the snapshot is given up."""
    died_before: bool
    """A crash suspect: it must be processed alone."""
    crashed_alone: bool = False
    """The worker crashed while it processed this snapshot alone: the other suspects are processed before it."""


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
    """Duration of the forward pass of its batch, divided by the number of snapshots in the batch."""
    gflops: float | None
    """10⁹ operations of the forward pass of one snapshot; a multiply-add counts as two."""
    memory_usage: float
    """GB (10⁹ bytes): resident memory of the process, or peak memory on its CUDA device."""
    colors: list[Mapping[str, object]] | None = None
    plate_text: str | None = None
    plate_conf: float | None = None


@dataclass(frozen=True, slots=True)
class FinishedAnalysis:
    """All results of one snapshot."""

    id: str
    results: tuple[VariantResult, ...]

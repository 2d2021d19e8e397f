"""Builds SNAPSHOT_READY from the URI of a snapshot. Pure."""

from __future__ import annotations

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri


def snapshot_ready(uri: SnapshotUri, recorded_at: str | None, yolo_type: YoloType) -> SnapshotReady:
    """The message for the snapshot at `uri`. `recorded_at`: start of the video (RFC 3339), or None if unknown."""
    return SnapshotReady(
        video_id=uri.video_id,
        workspace_id=uri.workspace_id,
        workspace_code=uri.workspace_code,
        camera_code=uri.camera_code,
        track_id=uri.track_id,
        snapshot_s3_key=str(uri),
        recordedAt=recorded_at,
        detectedIn=uri.offset_ms,
        detectedAt=None if recorded_at is None else timestamps.add_ms(recorded_at, uri.offset_ms),
        yolo_type=yolo_type,
    )

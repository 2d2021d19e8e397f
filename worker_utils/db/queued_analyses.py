"""Stage 1's side of `image_analyses`: one `queued` row per vehicle, claimed in one transaction. Idempotent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.row_types import SnapshotClaim
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

INSERT = """
INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,
    recorded_at, detected_in_ms, detected_at, yolo_type, status, run_key)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s) ON CONFLICT DO NOTHING RETURNING 1
"""
ROW_OF_TRACK = """
SELECT snapshot_s3_key, yolo_type FROM image_analyses
WHERE video_id = %s AND run_key = %s AND track_id = %s
"""
ADOPT = """
UPDATE image_analyses SET run_key = %s, updated_at = now() WHERE snapshot_s3_key = %s AND run_key IS NULL
RETURNING snapshot_s3_key, yolo_type
"""
TAKEN = "SELECT 1 FROM image_analyses WHERE snapshot_s3_key = %s AND run_key <> %s"


class QueuedAnalyses:
    """New rows of `image_analyses`. A rerun adopts the row of its track, whatever frame it would select."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, message: SnapshotReady, run_key: str) -> SnapshotClaim:
        """Insert the vehicle's row as `queued`, or adopt the row that is there.

        An earlier attempt of the same run left a row for the track: that row. An operator's row (no run) has the
        same snapshot: it becomes this run's. Another run's vehicle has the name: the next free millisecond.
        """

        def claim_in(cursor: Cursor) -> SnapshotClaim:
            wanted = message
            while (claimed := _claim(cursor, wanted, run_key)) is None:
                wanted = _one_ms_later(wanted)
            return claimed

        return self._database.transaction(claim_in)


def _claim(cursor: Cursor, message: SnapshotReady, run_key: str) -> SnapshotClaim | None:
    """None where another run's row has this snapshot."""
    cursor.execute(INSERT, (*_columns(message), run_key))
    if cursor.fetchone() is not None:
        return SnapshotClaim(message, is_other_frame=False)
    cursor.execute(ROW_OF_TRACK, (message.video_id, run_key, message.track_id))
    row = cursor.fetchone()
    if row is None:
        cursor.execute(ADOPT, (run_key, message.snapshot_s3_key))
        row = cursor.fetchone()
    if row is not None:
        return _adopted(message, *row)
    cursor.execute(TAKEN, (message.snapshot_s3_key, run_key))
    if cursor.fetchone() is None:
        raise Transient(f"the row of {message.snapshot_s3_key} vanished between two statements", code="row_vanished")
    return None


def _adopted(message: SnapshotReady, uri: str, yolo_type: YoloType) -> SnapshotClaim:
    adopted = snapshot_ready(parse_snapshot_uri(uri), message.recordedAt, yolo_type)
    return SnapshotClaim(adopted, is_other_frame=uri != message.snapshot_s3_key)


def _one_ms_later(message: SnapshotReady) -> SnapshotReady:
    uri = message.snapshot
    return snapshot_ready(replace(uri, offset_ms=uri.offset_ms + 1), message.recordedAt, message.yolo_type)


def _columns(message: SnapshotReady) -> tuple[object, ...]:
    recorded_at = None if message.recordedAt is None else timestamps.parse_instant(message.recordedAt)
    return (
        message.workspace_id,
        message.video_id,
        message.workspace_code,
        message.camera_code,
        message.track_id,
        message.snapshot_s3_key,
        recorded_at,
        message.detectedIn,
        timestamps.instant_at(recorded_at, message.detectedIn),
        message.yolo_type,
    )

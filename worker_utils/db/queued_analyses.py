"""Stage 1's side of `image_analyses`: one `queued` row per vehicle, or the one that already stands. Idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True, slots=True)
class ExistingSnapshot:
    """The row that already stands for a track of a run."""

    snapshot_uri: str
    yolo_type: YoloType


class QueuedAnalyses:
    """New rows of `image_analyses`. A rerun of a run adopts the row of its track, whatever frame it would pick."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, video_id: str, run_key: str, track_id: int) -> ExistingSnapshot | None:
        """The row an earlier attempt of the same run left for this track, if any."""
        return self._database.transaction(lambda cursor: _by_track(cursor, video_id, run_key, track_id))

    def is_taken(self, snapshot_uri: str, run_key: str) -> bool:
        """Whether another run's row has this picture. An operator's row, without a run, is free to be adopted."""

        def select(cursor: Cursor) -> bool:
            cursor.execute(
                "SELECT 1 FROM image_analyses WHERE snapshot_s3_key = %s AND run_key <> %s", (snapshot_uri, run_key)
            )
            return cursor.fetchone() is not None

        return self._database.transaction(select)

    def queue(self, message: SnapshotReady, run_key: str) -> ExistingSnapshot:
        """Insert the vehicle's row as `queued`, or adopt the one that is there; what now stands."""

        def insert(cursor: Cursor) -> ExistingSnapshot:
            cursor.execute(
                "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id,"
                " snapshot_s3_key, recorded_at, detected_in_ms, detected_at, yolo_type, status, run_key)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s)"
                " ON CONFLICT DO NOTHING RETURNING snapshot_s3_key, yolo_type",
                (*_columns(message), run_key),
            )
            row = cursor.fetchone()
            if row is not None:
                return ExistingSnapshot(*row)
            return _by_track(cursor, message.video_id, run_key, message.track_id) or _by_uri(cursor, message, run_key)

        return self._database.transaction(insert)


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


def _by_track(cursor: Cursor, video_id: str, run_key: str, track_id: int) -> ExistingSnapshot | None:
    cursor.execute(
        "SELECT snapshot_s3_key, yolo_type FROM image_analyses WHERE video_id = %s AND run_key = %s AND track_id = %s",
        (video_id, run_key, track_id),
    )
    row = cursor.fetchone()
    return None if row is None else ExistingSnapshot(*row)


def _by_uri(cursor: Cursor, message: SnapshotReady, run_key: str) -> ExistingSnapshot:
    """An operator's row with the very same picture: it becomes this run's. Another run's is left to it."""
    cursor.execute(
        "UPDATE image_analyses SET run_key = %s, updated_at = now() WHERE snapshot_s3_key = %s AND run_key IS NULL"
        " RETURNING snapshot_s3_key, yolo_type",
        (run_key, message.snapshot_s3_key),
    )
    row = cursor.fetchone()
    if row is None:
        text = f"the row of {message.snapshot_s3_key} vanished, or became another run's, in between"
        raise Transient(text, code="row_vanished")
    return ExistingSnapshot(*row)

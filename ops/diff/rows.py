"""Reads the vehicles of a run: the rows of `image_analyses` with its run key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from video_analysis.ops.diff.vehicles import Vehicle
from video_analysis.ops.run_row import RunRow
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.row_types import DetectedBox

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

OF_RUN = """
SELECT track_id, detected_in_ms, detected_box, yolo_type, snapshot_s3_key FROM image_analyses
WHERE video_id = %s AND run_key = %s ORDER BY detected_in_ms, track_id
"""


def of_run(database: Database, run: RunRow) -> list[Vehicle]:
    """The vehicles of a run, by time."""

    def read(cursor: Cursor) -> list[Vehicle]:
        cursor.execute(OF_RUN, (run.video_id, run.run_key))
        return [
            Vehicle(track_id, offset_ms, None if box is None else DetectedBox(**box), kind, uri)
            for track_id, offset_ms, box, kind, uri in cursor.fetchall()
        ]

    return database.transaction(read)

"""A row that is written to see whether one can be, and taken back: a full disk and a standby do answer reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

INSERT = """
INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,
    detected_in_ms, yolo_type)
VALUES (gen_random_uuid(), gen_random_uuid(), 'trial', 'trial', 1, 'trial ' || gen_random_uuid(), 0, 'Car')
"""


def insert(cursor: Cursor) -> None:
    """Into `image_analyses`, which both workers write."""
    cursor.execute(INSERT)

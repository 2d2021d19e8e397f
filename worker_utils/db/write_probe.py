"""What a worker's probe asks of the database: the columns that it uses, and a row that is written and taken back.

The row is needed because a full disk and a standby do answer reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from video_analysis.worker_utils.db.connection import Table

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

VIDEOS = Table(
    "videos",
    (
        *("id", "workspace_id", "workspace_code", "camera_code", "s3_key_raw", "recorded_at", "frame_stride"),
        *("status", "attempt_state", "error_code", "error_msg"),
        *("updated_at", "processing_started_at", "processing_finished_at"),
    ),
)
"""Without `file_name` and `camera_label`, which the workers do not use."""
IMAGE_ANALYSES = Table(
    "image_analyses",
    (
        *("id", "workspace_id", "video_id", "workspace_code", "camera_code", "track_id", "snapshot_s3_key"),
        *("recorded_at", "detected_in_ms", "detected_at", "yolo_type", "run_key"),
        *("status", "attempt_state", "error_code", "error_msg", "created_at", "updated_at"),
    ),
)
IMAGE_ANALYSIS_RESULTS = Table(
    "image_analysis_results",
    (
        *("id", "analysis_id", "variant", "checkpoint", "type_label", "type_conf", "make_label", "make_conf"),
        *("model_label", "model_conf", "colors", "plate_text", "plate_conf", "evidence", "assets"),
        *("latency_ms", "gflops", "memory_usage", "created_at", "updated_at"),
    ),
)
INSERT = """
INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,
    detected_in_ms, yolo_type)
VALUES (gen_random_uuid(), gen_random_uuid(), 'trial', 'trial', 1, 'trial ' || gen_random_uuid(), 0, 'Car')
"""


def insert(cursor: Cursor) -> None:
    """Into `image_analyses`, which both workers write."""
    cursor.execute(INSERT)

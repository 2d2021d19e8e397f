"""Reads the results of one variant as labels to correct. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.row_types import Variant

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

READ_ONLY = "SET TRANSACTION READ ONLY"
LABELS = """
SELECT a.id::text, a.video_id::text, a.snapshot_s3_key, r.type_label, r.make_label, r.model_label,
    r.colors -> 0 ->> 'base', r.plate_text
FROM current_image_analyses a JOIN image_analysis_results r ON r.analysis_id = a.id AND r.variant = %(variant)s
WHERE a.status = 'done'
  AND (%(video_id)s::uuid IS NULL OR a.video_id = %(video_id)s::uuid)
  AND (%(workspace_id)s::uuid IS NULL OR a.workspace_id = %(workspace_id)s::uuid)
  AND (%(camera_code)s::text IS NULL OR a.camera_code = %(camera_code)s)
  AND (%(since)s::timestamptz IS NULL OR coalesce(a.detected_at, a.created_at) >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR coalesce(a.detected_at, a.created_at) < %(until)s)
ORDER BY a.video_id, a.detected_in_ms, a.track_id, a.id
"""


@dataclass(frozen=True, slots=True)
class LabelSelection:
    """Which rows; None: no restriction. The period is compared with detected_at, or with created_at if it is null."""

    variant: Variant
    video_id: str | None
    workspace_id: str | None
    camera_code: str | None
    since: datetime | None
    until: datetime | None
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class LabelledSnapshot:
    """The labels of a snapshot; None: null in the row."""

    analysis_id: str
    video_id: str
    snapshot_uri: str
    type: str | None
    make: str | None
    model: str | None
    colour: str | None
    """Base of the main colour."""
    plate: str | None


def read(database: Database, selection: LabelSelection) -> list[LabelledSnapshot]:
    """The current rows that are `done`, ordered by video, time and track. Raises as `Database.transaction` does."""

    def select(cursor: Cursor) -> list[LabelledSnapshot]:
        cursor.execute(READ_ONLY)
        cursor.execute(LABELS, {name: getattr(selection, name) for name in LabelSelection.__slots__})
        return [LabelledSnapshot(*row) for row in cursor.fetchall()]

    return database.transaction(select)

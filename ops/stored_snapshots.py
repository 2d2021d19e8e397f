"""Reads rows of `image_analyses` and rebuilds the SNAPSHOT_READY message of each. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from video_analysis.worker_utils.db.attempt_status import Status
from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

PAGE_ROWS = 500
LOWEST_ID = "00000000-0000-0000-0000-000000000000"
PAGE = """
SELECT id::text, status::text, snapshot_s3_key, json_build_object('event', 'SNAPSHOT_READY',
    'video_id', video_id, 'workspace_id', workspace_id, 'workspace_code', workspace_code, 'camera_code', camera_code,
    'track_id', track_id, 'snapshot_s3_key', snapshot_s3_key, 'recordedAt', recorded_at, 'detectedIn', detected_in_ms,
    'detectedAt', detected_at, 'yolo_type', yolo_type)::text
FROM {table}
WHERE id > %(after)s
  AND (%(video_id)s::uuid IS NULL OR video_id = %(video_id)s::uuid)
  AND (%(workspace_id)s::uuid IS NULL OR workspace_id = %(workspace_id)s::uuid)
  AND (%(since)s::timestamptz IS NULL OR coalesce(detected_at, created_at) >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR coalesce(detected_at, created_at) < %(until)s)
ORDER BY id LIMIT %(rows)s
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows; None: no restriction. The period is compared with detected_at, or with created_at if it is null."""

    video_id: str | None = None
    workspace_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    is_current: bool = False
    """Only the rows that a UI shows: those of the view current_image_analyses."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """One row. `body` is the message built from it; it may break the contract."""

    id: str
    status: Status
    snapshot_uri: str
    body: str


class StoredSnapshots:
    """The rows of `image_analyses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, selection: Selection) -> Iterator[StoredSnapshot]:
        """Every row of the selection once. Each page is read in its own transaction, so that no transaction is long.

        Raises EnvironmentFault or Transient as `Database.transaction` does.
        """
        last = LOWEST_ID
        while page := self._database.transaction(partial(_page, selection, last)):
            yield from page
            last = page[-1].id


def _page(selection: Selection, after: str, cursor: Cursor) -> list[StoredSnapshot]:
    cursor.execute("SET TRANSACTION READ ONLY")
    restrictions = {
        "video_id": selection.video_id,
        "workspace_id": selection.workspace_id,
        "since": selection.since,
        "until": selection.until,
    }
    table = "current_image_analyses" if selection.is_current else "image_analyses"
    cursor.execute(PAGE.format(table=table), {**restrictions, "after": after, "rows": PAGE_ROWS})
    return [StoredSnapshot(*row) for row in cursor.fetchall()]

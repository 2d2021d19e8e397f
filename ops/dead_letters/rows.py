"""The SQL of `dlq`: the rows that failed, by their codes, and the row behind one message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from video_analysis.ops.dead_letters import remedies
from video_analysis.ops.dead_letters.queue import Kind
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_statements import CHANGES_VIDEO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import cursor as Cursor  # noqa: N812

_GROUPED = """
SELECT error_code, count(*), max(updated_at)::timestamptz, (array_agg(error_msg ORDER BY updated_at DESC))[1]
FROM ({}) AS failed GROUP BY error_code ORDER BY count(*) DESC, error_code
"""
GROUPS: dict[Kind, str] = {
    "video": _GROUPED.format(f"""
    SELECT error_code, error_msg, updated_at::timestamptz FROM videos WHERE status::text = 'error'
    UNION ALL
    SELECT error_code, error_msg, updated_at FROM (
        SELECT DISTINCT ON (video_id) * FROM video_runs WHERE {CHANGES_VIDEO}
        ORDER BY video_id, created_at DESC) AS r
    WHERE status = 'failed'
        AND NOT EXISTS (SELECT FROM videos WHERE videos.id = r.video_id AND videos.status::text <> 'done')
    UNION ALL
    SELECT error_code, error_msg, updated_at FROM video_runs AS r
    WHERE status = 'failed' AND NOT {CHANGES_VIDEO} AND error_code IS DISTINCT FROM 'superseded'
        AND NOT EXISTS (SELECT FROM video_runs AS later WHERE later.video_id = r.video_id
            AND later.status = 'completed' AND later.created_at > r.created_at)"""),  # noqa: S608  # a constant
    "snapshot": _GROUPED.format(
        "SELECT error_code, error_msg, updated_at FROM image_analyses WHERE status::text = 'error'"
    ),
}
VIDEO = f"""
SELECT status, error_code, error_msg, s3_key_raw FROM (
    SELECT status::text, error_code, error_msg, s3_key_raw, CASE status::text WHEN 'done' THEN 2 ELSE 0 END AS place
    FROM videos WHERE id = %(video_id)s
    UNION ALL
    SELECT status, error_code, error_msg, NULL,
        CASE WHEN status IN ('failed', 'cancelled', 'paused') THEN 1 ELSE 3 END
    FROM (SELECT * FROM video_runs WHERE video_id = %(video_id)s AND {CHANGES_VIDEO}
        ORDER BY created_at DESC LIMIT 1) AS newest
) AS found ORDER BY place LIMIT 1
"""  # noqa: S608  # a constant
"""A video stays `done` when it is sent again and that fails or is stopped: its newest run has the cause."""
RUN = """
SELECT status, error_code, error_msg, NULL FROM video_runs
WHERE id = %(run_id)s AND video_id = %(video_id)s AND workspace_id = %(workspace_id)s
"""
SNAPSHOT = """
SELECT status::text, error_code, error_msg, NULL FROM image_analyses WHERE snapshot_s3_key = %(snapshot_s3_key)s
"""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one queue with the same error code."""

    kind: Kind
    code: str | None
    count: int
    newest: datetime
    example: str | None

    @property
    def remedy(self) -> str:
        """What to do."""
        return remedies.remedy(self.code)


@dataclass(frozen=True, slots=True)
class Row:
    """The row behind one message."""

    status: str
    code: str | None
    text: str | None
    raw_key: str | None
    """Of a row in `videos`."""


class Rows:
    """Reads them with an operator's own grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(self, kind: Kind) -> list[Group]:
        """The rows that failed, by their error codes, the most frequent one first."""

        def read(cursor: Cursor) -> list[Group]:
            cursor.execute(GROUPS[kind])
            return [Group(kind, *row) for row in cursor.fetchall()]

        return self._database.transaction(read)

    def one(self, statement: str, ids: Mapping[str, object]) -> Row | None:
        """The row that `VIDEO`, `RUN` or `SNAPSHOT` finds by these ids."""

        def read(cursor: Cursor) -> Row | None:
            cursor.execute(statement, ids)
            row = cursor.fetchone()
            return None if row is None else Row(*row)

        return self._database.transaction(read)

"""The rows behind dead letters: errors by their codes, and the state of one message's row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from video_analysis.ops.dead_letters import remedies
from video_analysis.ops.dead_letters.queue import Kind
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import BadMessage

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

_GROUPED = """
SELECT error_code, count(*), max(updated_at)::timestamptz, (array_agg(error_msg ORDER BY updated_at DESC))[1]
FROM ({}) AS failed GROUP BY error_code ORDER BY count(*) DESC, error_code
"""
GROUPS: dict[Kind, str] = {
    "video": _GROUPED.format("""
    SELECT error_code, error_msg, updated_at::timestamptz FROM videos WHERE status::text = 'error'
    UNION ALL
    SELECT error_code, error_msg, updated_at FROM (
        SELECT DISTINCT ON (video_id) * FROM video_runs ORDER BY video_id, created_at DESC) AS r
    WHERE status = 'failed' AND NOT EXISTS (SELECT FROM videos WHERE videos.id = r.video_id)"""),
    "snapshot": _GROUPED.format(
        "SELECT error_code, error_msg, updated_at FROM image_analyses WHERE status::text = 'error'"
    ),
}
VIDEO = """
SELECT status::text, error_code, error_msg FROM videos WHERE id = %(id)s
UNION ALL
SELECT * FROM (SELECT status, error_code, error_msg FROM video_runs WHERE video_id = %(id)s
    ORDER BY created_at DESC LIMIT 1) AS r
LIMIT 1
"""
SNAPSHOT = "SELECT status::text, error_code, error_msg FROM image_analyses WHERE snapshot_s3_key = %(id)s"


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
class Cause:
    """Why one message is in the dead-letter queue."""

    status: str | None
    """Of its row; None if it has none."""
    code: str | None
    text: str | None

    @property
    def would_fail_again(self) -> bool:
        """Whether the same message would fail for the same reason."""
        return self.status not in ("done", "completed") and remedies.would_fail_again(self.code)


class Causes:
    """Reads the causes with an operator's own grants."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._database = database
        self._bucket = bucket

    def groups(self, kind: Kind) -> list[Group]:
        """The rows that failed, by their error codes, the most frequent one first."""

        def read(cursor: Cursor) -> list[Group]:
            cursor.execute(GROUPS[kind])
            return [Group(kind, *row) for row in cursor.fetchall()]

        return self._database.transaction(read)

    def of(self, kind: Kind, body: str) -> Cause:
        """That of a message: its own violation of the contract, or else what its row has."""
        try:
            statement, key = self._row_of(kind, body)
        except BadMessage as fault:
            return Cause(None, fault.code, str(fault))

        def read(cursor: Cursor) -> Cause:
            cursor.execute(statement, {"id": key})
            row = cursor.fetchone()
            return Cause(None, None, None) if row is None else Cause(*row)

        return self._database.transaction(read)

    def _row_of(self, kind: Kind, body: str) -> tuple[str, str]:
        """The statement that reads the row of a message, and its key. BadMessage if it breaks the contract."""
        if kind == "video":
            return VIDEO, messages.parse_video_task(body).video_id
        return SNAPSHOT, messages.parse_snapshot_ready(body, self._bucket).snapshot_s3_key

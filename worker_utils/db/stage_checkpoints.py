"""`stage_checkpoints`: one row per stored part of a run's tracker input. One idempotent transaction per method.

The table is optional: `missing` names what a worker lacks to use it.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import TYPE_CHECKING

from video_analysis.worker_utils.db import access
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.run_types import CheckpointPart

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

_COLUMNS = tuple(field.name for field in fields(CheckpointPart))
ACCESS = TableAccess("stage_checkpoints", select=(*_COLUMNS, "stage"), insert=(*_COLUMNS, "stage"))
"""What yolo_worker needs."""
MOST_ANCESTORS = 50
INSERT = f"""
INSERT INTO stage_checkpoints ({", ".join(_COLUMNS)}, stage) VALUES ({", ".join(["%s"] * len(_COLUMNS))}, 'detect')
ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608  # the names of the columns are constants
OF_RUN = f"""
WITH RECURSIVE chain AS (
    SELECT id, parent_run_id, replay_from_stage, 0 AS depth FROM video_runs WHERE id = %(run_id)s
    UNION ALL
    SELECT r.id, r.parent_run_id, r.replay_from_stage, depth + 1
    FROM video_runs AS r JOIN chain ON r.id = chain.parent_run_id
    WHERE depth < %(ancestors)s AND (NOT %(only_replaced)s
        OR (r.status = 'failed' AND r.replay_from_stage IS NOT DISTINCT FROM chain.replay_from_stage)))
SELECT {", ".join(f"c.{name}" for name in _COLUMNS)} FROM stage_checkpoints AS c JOIN chain ON c.run_id = chain.id
WHERE c.stage = 'detect' ORDER BY depth, c.part DESC
"""  # noqa: S608


class StageCheckpointRepository:
    """The rows of stored parts."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def missing(self) -> str | None:
        """What this role lacks to use the table, with its remedy; None if nothing."""
        return self._database.transaction(lambda cursor: access.missing(cursor, ACCESS))

    def add(self, part: CheckpointPart) -> bool:
        """Insert the row of a part. False if another worker has inserted one with its number."""

        def add(cursor: Cursor) -> bool:
            cursor.execute(INSERT, astuple(part))
            return cursor.fetchone() is not None

        return self._database.transaction(add)

    def of_run(self, run_id: str, *, only_replaced: bool = False) -> list[CheckpointPart]:
        """The parts of a run, the newest first; then those of its parent, and so on.

        With `only_replaced`, only of failed parents in whose place the run is: those of the same stage.
        """

        def read(cursor: Cursor) -> list[CheckpointPart]:
            values = {"run_id": run_id, "ancestors": MOST_ANCESTORS, "only_replaced": only_replaced}
            cursor.execute(OF_RUN, values)
            return [CheckpointPart(*row) for row in cursor.fetchall()]

        return self._database.transaction(read)

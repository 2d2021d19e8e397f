"""`video_runs`: one row per way of processing a video. One transaction per method; each method is idempotent.

The table is optional: `missing` names what a worker lacks to use it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from video_analysis.worker_utils.db import access, failure_columns
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.attempt_status import LAST_ATTEMPT
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.run_choice import NewRun, NoWork, SameRun, choose
from video_analysis.worker_utils.db.run_types import RunProgress, RunStart, RunState, RunStatus, StoredRun, missing_run
from video_analysis.worker_utils.errors import Cancelled, Paused, Permanent, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812


_STORED = tuple(field.name for field in fields(StoredRun) if field.name != "inherited")
_PROGRESS = tuple(field.name for field in fields(RunProgress))
_STATE = ("status", "error_code", "error_msg")
_ATTEMPT = ("message_id", "run_key", "config_snapshot", "code_version", "worker")
_INSERTED = (
    *("video_id", "workspace_id", "run_type", "parent_run_id", "root_run_id", "replay_from_stage", "config_overrides"),
    *("attempts", "started_at", *_ATTEMPT, *_STATE),
)
_ENDED = ("requested", "completed_at", "updated_at")
ACCESS = TableAccess(
    "video_runs",
    select=(*_STORED, "video_id", "workspace_id", "message_id", "created_at", "attempts", "started_at"),
    insert=("id", *_INSERTED),
    update=tuple(dict.fromkeys((*_ATTEMPT, *_STATE, "attempts", "started_at", *_PROGRESS, *_ENDED))),
)
"""What yolo_worker needs."""

FIND = f"""
SELECT {", ".join(_STORED)} FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s
    AND (message_id = %(message_id)s OR id = %(run_id)s::uuid
        OR (%(run_id)s::uuid IS NULL AND run_type <> 'replay'))
ORDER BY coalesce(message_id = %(message_id)s, false) DESC, created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608  # the names of the columns are constants
FIND_BY_ID = f"""
SELECT {", ".join(_STORED)}, (SELECT p.config_overrides FROM video_runs AS p WHERE p.id = r.parent_run_id)
FROM video_runs AS r WHERE id = %s AND video_id = %s AND workspace_id = %s
"""  # noqa: S608
IS_SAME_MESSAGE = "SELECT message_id IS NOT DISTINCT FROM %s FROM video_runs WHERE id = %s"
INSERT = f"""
WITH new AS (SELECT gen_random_uuid() AS id)
INSERT INTO video_runs (id, {", ".join(_INSERTED)})
SELECT new.id, %(video_id)s, %(workspace_id)s, %(run_type)s, %(parent_run_id)s, coalesce(%(root_run_id)s::uuid, new.id),
    %(replay_from_stage)s, %(config_overrides)s, 1, now(), {", ".join(f"%({name})s" for name in (*_ATTEMPT, *_STATE))}
FROM new RETURNING {", ".join(_STORED)}
"""  # noqa: S608
CONTINUE = f"""
UPDATE video_runs SET attempts = attempts + 1, started_at = coalesce(started_at, now()), updated_at = now(),
    {", ".join(f"{name} = %({name})s" for name in (*_ATTEMPT, *_STATE))}
WHERE id = %(id)s AND status <> 'completed' RETURNING {", ".join(_STORED)}
"""  # noqa: S608
PROGRESS = f"""
WITH written AS (
    UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, updated_at = now()
    WHERE id = %(id)s AND (status = 'running' OR error_code = 'crashed'))
SELECT status, requested FROM video_runs WHERE id = %(id)s
"""  # noqa: S608
COMPLETE = f"""
UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, status = 'completed', requested = NULL,
    error_code = NULL, error_msg = NULL, completed_at = now(), updated_at = now()
WHERE id = %(id)s AND status NOT IN ('completed', 'cancelled') AND error_code IS DISTINCT FROM 'superseded'
"""  # noqa: S608
_END = """
UPDATE video_runs SET status = coalesce(%(status)s, status), error_code = %(error_code)s, error_msg = %(error_msg)s,
    requested = CASE WHEN %(is_stopped)s THEN NULL ELSE requested END, eta_s = NULL, updated_at = now()
WHERE status IN ('pending', 'running', 'paused', 'failed') AND error_code IS DISTINCT FROM 'superseded'
"""
END = f"{_END} AND id = %(id)s"
END_OF_MESSAGE = f"""
{_END} AND id = (SELECT id FROM video_runs
    WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s
        AND (message_id = %(message_id)s OR id = %(run_id)s::uuid)
    ORDER BY coalesce(message_id = %(message_id)s, false) DESC, created_at DESC LIMIT 1)
"""  # noqa: S608  # a constant


class VideoRunRepository:
    """The rows of runs."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def missing(self) -> str | None:
        """What this role lacks to use the table, with its remedy; None if nothing."""
        return self._database.transaction(lambda cursor: access.missing(cursor, ACCESS))

    def find(self, run_id: str, video_id: str, workspace_id: str) -> StoredRun | None:
        """The run with this id, of this video and workspace."""

        def find(cursor: Cursor) -> StoredRun | None:
            cursor.execute(FIND_BY_ID, (run_id, video_id, workspace_id))
            row = cursor.fetchone()
            return None if row is None else StoredRun(*row)

        return self._database.transaction(find)

    def start(self, begun: RunStart) -> SameRun | NoWork:
        """Begin the run of a message, or its next attempt, by `run_choice.choose`. Committed before any work.

        The result has the row as it is now: with the request of an operator that was not acted on, if there is one.
        """
        return self._database.transaction(lambda cursor: start(cursor, begun))

    def write_progress(self, run_id: str, progress: RunProgress) -> RunState | None:
        """Write the progress of a run that is `running`, and read its state. None if the row is gone."""

        def write(cursor: Cursor) -> RunState | None:
            cursor.execute(PROGRESS, {"id": run_id, **asdict(progress)})
            row = cursor.fetchone()
            return None if row is None else RunState(*row)

        return self._database.transaction(write)

    def complete(self, run_id: str, progress: RunProgress) -> None:
        """Mark the run `completed`: every snapshot has been sent. A cancelled or superseded run is not changed."""
        self._database.transaction(lambda cursor: cursor.execute(COMPLETE, {"id": run_id, **asdict(progress)}))

    def end_attempt(
        self,
        video_id: str,
        workspace_id: str,
        message_id: str,
        failure: WorkerError,
        *,
        final: bool,
        run_id: str | None = None,
    ) -> None:
        """Write the outcome of an attempt that did not complete the run.

        That is the run that the message began or continued, or names as `run_id`. An operator's request is fulfilled by
        that. Does nothing without such a run.
        """
        found = {"video_id": video_id, "workspace_id": workspace_id, "message_id": message_id, "run_id": run_id}
        ended = _ended(failure, _status_after(failure, final=final))
        self._database.transaction(lambda cursor: cursor.execute(END_OF_MESSAGE, {**found, **ended}))


def start(cursor: Cursor, begun: RunStart) -> SameRun | NoWork:
    """See `VideoRunRepository.start`."""
    cursor.execute(FIND, asdict(begun))
    row = cursor.fetchone()
    found = None if row is None else StoredRun(*row)
    is_same = found is not None and (begun.run_id is not None or _is_of_message(cursor, found, begun.message_id))
    if found is None and begun.run_id is not None:
        raise missing_run(begun.run_id)
    choice = choose(found, begun.run_key, is_same_message=is_same)
    match choice:
        case NewRun():
            return SameRun(_insert(cursor, begun, choice))
        case SameRun():
            return choice if choice.run.status == "completed" else SameRun(_continue(cursor, begun, choice.run))
        case NoWork():
            return choice


def _is_of_message(cursor: Cursor, run: StoredRun, message_id: str) -> bool:
    cursor.execute(IS_SAME_MESSAGE, (message_id, run.id))
    return bool(_one(cursor)[0])


def _insert(cursor: Cursor, begun: RunStart, new: NewRun) -> StoredRun:
    parent = new.parent
    if parent is not None and new.supersedes:
        reason = Permanent("another version, other weights or other settings process the video", code="superseded")
        cursor.execute(END, {**_ended(reason, "failed"), "id": parent.id})
    values = {
        **_attempt(begun),
        "video_id": begun.video_id,
        "workspace_id": begun.workspace_id,
        "run_type": new.run_type,
        "parent_run_id": None if parent is None else parent.id,
        "root_run_id": None if parent is None else parent.root_run_id,
        "replay_from_stage": new.replay_from_stage,
        "config_overrides": None if new.config_overrides is None else json.dumps(dict(new.config_overrides)),
    }
    cursor.execute(INSERT, values)
    return StoredRun(*_one(cursor))


def _continue(cursor: Cursor, begun: RunStart, run: StoredRun) -> StoredRun:
    cursor.execute(CONTINUE, {**_attempt(begun), "id": run.id})
    return StoredRun(*_one(cursor))


def _attempt(begun: RunStart) -> dict[str, object]:
    """The columns of an attempt. On the last receive the run has failed in advance, as the row of its video."""
    values = {name: getattr(begun, name) for name in _ATTEMPT}
    state = ("failed", "crashed", LAST_ATTEMPT) if begun.is_last else ("running", None, None)
    return values | dict(zip(_STATE, state, strict=True)) | {"config_snapshot": json.dumps(dict(begun.config_snapshot))}


def _one(cursor: Cursor) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:
        raise access.hidden_rows(cursor, ACCESS.name)
    return row


def _ended(failure: WorkerError, status: RunStatus | None) -> dict[str, object]:
    """The parameters of `END`; `status` None: as it was."""
    return {
        "status": status,
        "error_code": failure.code,
        "error_msg": failure_columns.reason(failure),
        "is_stopped": status in ("paused", "cancelled", "failed"),
    }


def _status_after(failure: WorkerError, *, final: bool) -> RunStatus | None:
    """The status of a run after a failure; None: as it was."""
    if isinstance(failure, Paused):
        return "paused"
    if isinstance(failure, Cancelled):
        return "cancelled"
    return "failed" if final else None

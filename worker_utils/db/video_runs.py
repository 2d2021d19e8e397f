"""`video_runs`: one row per way of processing a video. One transaction per method; each method is idempotent.

The table is optional: `missing` names what a worker lacks to use it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from video_analysis.worker_utils.db import access, failure_columns, videos
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.attempt_status import LAST_ATTEMPT
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.run_choice import NewRun, NoWork, SameRun, Stop, choose
from video_analysis.worker_utils.db.run_types import (
    FinishedVideo,
    RunProgress,
    RunStart,
    RunState,
    RunStatus,
    StoredRun,
    missing_run,
    stopped,
)
from video_analysis.worker_utils.errors import Cancelled, Paused, Permanent, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812


_STORED = tuple(field.name for field in fields(StoredRun) if field.name != "inherited")
_PROGRESS = tuple(field.name for field in fields(RunProgress))
_STATE = ("status", "error_code", "error_msg")
_ATTEMPT = ("message_id", "run_key", "config_snapshot", "code_version", "worker")
_INSERTED = (
    *("video_id", "workspace_id", "run_type", "parent_run_id", "root_run_id", "replay_from_stage", "config_overrides"),
    *("attempts", "started_at", "message_ids", *_ATTEMPT, *_STATE),
)
_ENDED = ("requested", "completed_at", "updated_at")
ACCESS = TableAccess(
    "video_runs",
    select=(*_STORED, "video_id", "workspace_id", "message_id", "message_ids", "created_at", "attempts", "started_at"),
    insert=("id", *_INSERTED),
    update=tuple(dict.fromkeys((*_ATTEMPT, *_STATE, "message_ids", "attempts", "started_at", *_PROGRESS, *_ENDED))),
)
"""What yolo_worker needs."""

_HAS_MESSAGE = "coalesce(message_id = %(message_id)s OR message_ids::jsonb ? %(message_id)s, false)"
"""The message began or continued the run, as the latest one or before."""
FIND = f"""
SELECT {", ".join(_STORED)} FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND (run_type <> 'replay' OR {_HAS_MESSAGE})
ORDER BY run_type = 'replay' DESC, created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608  # the names of the columns are constants
FIND_NAMED = f"""
SELECT {", ".join(_STORED)} FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND (id = %(run_id)s::uuid OR {_HAS_MESSAGE})
ORDER BY {_HAS_MESSAGE} DESC, created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608
HAS_CHILD = "SELECT EXISTS (SELECT FROM video_runs WHERE parent_run_id = %s)"
FIND_BY_ID = f"""
SELECT {", ".join(_STORED)}, (SELECT p.config_overrides FROM video_runs AS p WHERE p.id = r.parent_run_id)
FROM video_runs AS r WHERE id = %s AND video_id = %s AND workspace_id = %s
"""  # noqa: S608
KNOWN_MESSAGE = f"""
SELECT count(*) > 0, coalesce(bool_or(id = %(found_id)s::uuid), false) FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND {_HAS_MESSAGE}
"""  # noqa: S608
INSERT = f"""
WITH new AS (SELECT gen_random_uuid() AS id)
INSERT INTO video_runs (id, {", ".join(_INSERTED)})
SELECT new.id, %(video_id)s, %(workspace_id)s, %(run_type)s, %(parent_run_id)s, coalesce(%(root_run_id)s::uuid, new.id),
    %(replay_from_stage)s, %(config_overrides)s, 1, now(), jsonb_build_array(%(message_id)s::text),
    {", ".join(f"%({name})s" for name in (*_ATTEMPT, *_STATE))}
FROM new RETURNING {", ".join(_STORED)}
"""  # noqa: S608
CONTINUE = f"""
UPDATE video_runs SET attempts = attempts + 1, started_at = coalesce(started_at, now()), updated_at = now(),
    message_ids = CASE WHEN {_HAS_MESSAGE} AND message_ids IS NOT NULL THEN message_ids::jsonb
        ELSE coalesce(message_ids::jsonb, to_jsonb(array_remove(ARRAY[message_id], NULL)))
            || to_jsonb(%(message_id)s::text) END,
    {", ".join(f"{name} = %({name})s" for name in (*_ATTEMPT, *_STATE))}
WHERE id = %(id)s AND status <> 'completed' RETURNING {", ".join(_STORED)}
"""  # noqa: S608
PROGRESS = f"""
WITH written AS (
    UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, updated_at = now()
    WHERE id = %(id)s AND (status = 'running' OR error_code = 'crashed'))
SELECT status, requested, error_code FROM video_runs WHERE id = %(id)s
"""  # noqa: S608
COMPLETE = f"""
UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, status = 'completed', requested = NULL,
    error_code = NULL, error_msg = NULL, completed_at = now(), updated_at = now()
WHERE id = %(id)s AND status <> 'completed'
"""  # noqa: S608
STATE = "SELECT status, requested, error_code FROM video_runs WHERE id = %s FOR UPDATE"
_END = """
UPDATE video_runs SET status = coalesce(%(status)s, status), error_code = %(error_code)s, error_msg = %(error_msg)s,
    requested = CASE WHEN %(status)s::text IS NULL THEN requested END, eta_s = NULL, updated_at = now()
WHERE status IN ('pending', 'running', 'paused', 'failed') AND error_code IS DISTINCT FROM 'superseded'
"""
END = f"{_END} AND id = %(id)s"
END_OF_MESSAGE = f"""
{_END} AND (message_id = %(message_id)s OR id = %(run_id)s::uuid) AND id = (SELECT id FROM video_runs
    WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s
        AND ({_HAS_MESSAGE} OR id = %(run_id)s::uuid)
    ORDER BY {_HAS_MESSAGE} DESC, created_at DESC LIMIT 1)
"""  # noqa: S608  # a constant
REQUESTED = f"SELECT {', '.join(_STORED)}, video_id, workspace_id FROM video_runs WHERE id = %s FOR UPDATE"  # noqa: S608

Started = SameRun | NoWork | Paused | Cancelled


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

    def start(self, begun: RunStart) -> Started:
        """Begin the run of a message, or its next attempt, by `run_choice.choose`. Committed before any work.

        What an operator requested before is done first, in the same transaction, also in `videos`. The result is the
        reason if the message is acknowledged with that.
        """
        return self._database.transaction(lambda cursor: start(cursor, begun))

    def write_progress(self, run_id: str, progress: RunProgress) -> RunState | None:
        """Write the progress of a run that is `running`, and read its state. None if the row is gone."""

        def write(cursor: Cursor) -> RunState | None:
            cursor.execute(PROGRESS, {"id": run_id, **asdict(progress)})
            row = cursor.fetchone()
            return None if row is None else RunState(*row)

        return self._database.transaction(write)

    def complete(self, run_id: str, progress: RunProgress, video: FinishedVideo | None = None) -> RunState | None:
        """Mark the run `completed`, and its video `done`: every snapshot has been sent.

        Returns the run as it was before; None without its row. One that is paused, cancelled or superseded is not
        changed, and neither is its video: another worker did that, or continues it.
        """
        return self._database.transaction(lambda cursor: complete(cursor, run_id, progress, video))

    def stop(self, run_id: str) -> Paused | Cancelled | None:
        """Do what an operator requested: the run is `paused` or `cancelled` now, and so is its row in `videos`.

        None if the request was taken back: the work goes on.
        """
        return self._database.transaction(lambda cursor: stop(cursor, run_id))

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
        """Write the failure of an attempt into its run: that which the message continued last, or names as `run_id`.

        Does nothing without such a run, or if another message has continued it since.
        """
        found = {"video_id": video_id, "workspace_id": workspace_id, "message_id": message_id, "run_id": run_id}
        ended = _ended(failure, "failed" if final else None)
        self._database.transaction(lambda cursor: cursor.execute(END_OF_MESSAGE, {**found, **ended}))


def start(cursor: Cursor, begun: RunStart) -> Started:
    """See `VideoRunRepository.start`."""
    found = _find(cursor, begun)
    if begun.run_id is not None and found is not None and _is_replaced(cursor, found):
        return NoWork(found)
    is_known, is_own = _is_known(cursor, begun, found)
    choice = choose(found, begun.run_key, is_known_message=is_known, is_own_run=is_own)
    if isinstance(choice, Stop):
        reason, choice = stop(cursor, choice.run.id), choice.then
        if reason is not None and isinstance(choice, NoWork):
            return reason
    match choice:
        case NewRun():
            return SameRun(_insert(cursor, begun, choice))
        case SameRun():
            return choice if choice.run.status == "completed" else SameRun(_continue(cursor, begun, choice.run))
        case NoWork():
            return choice


def _find(cursor: Cursor, begun: RunStart) -> StoredRun | None:
    """The row to which `run_choice.choose` applies, locked. Transient if the run that the message names is missing."""
    cursor.execute(FIND if begun.run_id is None else FIND_NAMED, asdict(begun))
    row = cursor.fetchone()
    if row is None and begun.run_id is not None:
        raise missing_run(begun.run_id)
    return None if row is None else StoredRun(*row)


def _is_replaced(cursor: Cursor, run: StoredRun) -> bool:
    """Whether a retry has taken the place of the run. A replay by an operator follows a completed run only."""
    if run.status != "failed":
        return False
    cursor.execute(HAS_CHILD, (run.id,))
    return bool(_one(cursor)[0])


def _is_known(cursor: Cursor, begun: RunStart, found: StoredRun | None) -> tuple[bool, bool]:
    """Whether the message has begun or continued a run of the video before, and whether that is `found`."""
    if begun.run_id is not None:
        return True, True
    cursor.execute(KNOWN_MESSAGE, {**asdict(begun), "found_id": None if found is None else found.id})
    is_known, is_own = _one(cursor)
    return is_known, is_own


def stop(cursor: Cursor, run_id: str) -> Paused | Cancelled | None:
    """See `VideoRunRepository.stop`."""
    cursor.execute(REQUESTED, (run_id,))
    row = cursor.fetchone()
    if row is None:
        return None
    *stored, video_id, workspace_id = row
    run = StoredRun(*stored)
    if run.status in ("paused", "cancelled"):  # another worker did it
        return stopped("pause" if run.status == "paused" else "cancel")
    if run.requested is None:
        return None
    reason = stopped(run.requested)
    cursor.execute(END, {**_ended(reason, "paused" if run.requested == "pause" else "cancelled"), "id": run_id})
    if run.changes_video:
        videos.write_stop(cursor, video_id, workspace_id, reason)
    return reason


def complete(cursor: Cursor, run_id: str, progress: RunProgress, video: FinishedVideo | None) -> RunState | None:
    """See `VideoRunRepository.complete`."""
    cursor.execute(STATE, (run_id,))
    row = cursor.fetchone()
    state = None if row is None else RunState(*row)
    if state is not None and state.is_ended_by_others:
        return state
    if video is not None:
        videos.finish(cursor, video.video_id, video.workspace_id, video.damage)
    cursor.execute(COMPLETE, {"id": run_id, **asdict(progress)})
    return state


def _insert(cursor: Cursor, begun: RunStart, new: NewRun) -> StoredRun:
    parent = new.parent
    if parent is not None and new.supersedes:
        reason = Permanent("other weights or settings, or another tracker version process the video", code="superseded")
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
    """The parameters of `END`; `status` None: as it was, with the request of an operator."""
    return {
        "status": status,
        "error_code": failure.code,
        "error_msg": failure_columns.reason(failure),
    }

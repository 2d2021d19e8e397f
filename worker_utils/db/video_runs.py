"""`video_runs`: one row per way of processing a video. One transaction per method; each method is idempotent.

The table is optional: `missing` names what a worker lacks to use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from video_analysis.worker_utils.db import access, failure_columns, run_statements, videos
from video_analysis.worker_utils.db.attempt_status import LAST_ATTEMPT
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.run_choice import NewRun, NoWork, SameRun, Stop, choose, of_other_file
from video_analysis.worker_utils.db.run_types import (
    FinishedVideo,
    RunProgress,
    RunStart,
    RunState,
    RunStatus,
    SourceFile,
    StoredRun,
    missing_run,
    stopped,
)
from video_analysis.worker_utils.errors import Cancelled, Paused, Permanent, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

ACCESS = run_statements.ACCESS
OTHER_SETTINGS = Permanent("other weights or settings, or another tracker version process the video", code="superseded")
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
            cursor.execute(run_statements.FIND_BY_ID, (run_id, video_id, workspace_id))
            row = cursor.fetchone()
            return None if row is None else StoredRun(*row)

        return self._database.transaction(find)

    def start(self, begun: RunStart) -> Started:
        """Begin the run of a message, or its next attempt, by `run_choice.choose`. Committed before any work.

        What an operator requested before is done first, in the same transaction, also in `videos`. The result is the
        reason if the message is acknowledged with that.
        """
        return self._database.transaction(lambda cursor: start(cursor, begun))

    def identify(self, run_id: str, begun: RunStart, source: SourceFile) -> StoredRun | None:
        """Keep which file an attempt processes. Returns the run to process; None if its row is gone.

        If the run has processed another file, that is a new run in its place. So that the vehicles of one file are not
        taken for those of another, it has a run key of its own.
        """
        return self._database.transaction(lambda cursor: identify(cursor, run_id, begun, source))

    def write_progress(self, run_id: str, progress: RunProgress) -> RunState | None:
        """Write the progress of a run that is `running`, and read its state. None if the row is gone."""

        def write(cursor: Cursor) -> RunState | None:
            cursor.execute(run_statements.PROGRESS, {"id": run_id, **asdict(progress)})
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
    ) -> bool:
        """Write the failure of an attempt into its run: that which the message continued last, or names as `run_id`.

        Returns whether the failure belongs into the row in `videos`, too. Not if the run is in other hands: an operator
        paused, resumed or cancelled it, or another message has continued or superseded it since. Then nothing is
        changed.
        """
        found = {"video_id": video_id, "workspace_id": workspace_id, "message_id": message_id, "run_id": run_id}
        ended = _ended(failure, "failed" if final else None)
        return self._database.transaction(lambda cursor: end_attempt(cursor, found, ended))


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
    """The row to which `run_choice.choose` applies, locked. Transient if the run that the message names is missing.

    It is read again until it is the same: another worker may have inserted a newer one before the lock was granted.
    """
    statement = run_statements.FIND if begun.run_id is None else run_statements.FIND_NAMED
    found, again = None, _read(cursor, statement, begun)
    while again is not None and (found is None or found.id != again.id):
        found, again = again, _read(cursor, statement, begun)
    if again is None and begun.run_id is not None:
        raise missing_run(begun.run_id)
    return again


def _read(cursor: Cursor, statement: str, begun: RunStart) -> StoredRun | None:
    cursor.execute(statement, asdict(begun))
    row = cursor.fetchone()
    return None if row is None else StoredRun(*row)


def _is_replaced(cursor: Cursor, run: StoredRun) -> bool:
    """Whether a retry has taken the place of the run. A replay by an operator follows a completed run only."""
    if run.status != "failed":
        return False
    cursor.execute(run_statements.HAS_CHILD, (run.id,))
    return bool(_one(cursor)[0])


def _is_known(cursor: Cursor, begun: RunStart, found: StoredRun | None) -> tuple[bool, bool]:
    """Whether the message has begun or continued a run of the video before, and whether that is `found`."""
    if begun.run_id is not None:
        return True, True
    cursor.execute(run_statements.KNOWN_MESSAGE, {**asdict(begun), "found_id": None if found is None else found.id})
    is_known, is_own = _one(cursor)
    return is_known, is_own


def stop(cursor: Cursor, run_id: str) -> Paused | Cancelled | None:
    """See `VideoRunRepository.stop`."""
    cursor.execute(run_statements.REQUESTED, (run_id,))
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
    cursor.execute(
        run_statements.END, {**_ended(reason, "paused" if run.requested == "pause" else "cancelled"), "id": run_id}
    )
    if run.changes_video:
        videos.write_stop(cursor, video_id, workspace_id, reason)
    return reason


def identify(cursor: Cursor, run_id: str, begun: RunStart, source: SourceFile) -> StoredRun | None:
    """See `VideoRunRepository.identify`."""
    cursor.execute(run_statements.LOCKED, (run_id,))
    row = cursor.fetchone()
    if row is None:
        return None
    *stored, error_code = row
    run = StoredRun(*stored)
    is_stopped = run.status in ("paused", "cancelled") or error_code == "superseded"
    if is_stopped or run.source == source or (run.source is None and run.status == "completed"):
        return run
    if run.source is not None:
        reason = Permanent("the raw file of the video was replaced", code="superseded")
        run = _insert(cursor, begun, of_other_file(run), reason)
    keys = {"run_key": begun.run_key, "key_of_file": source.key(begun.run_key)}
    cursor.execute(run_statements.SET_SOURCE, {**keys, **asdict(source), "id": run.id})
    return StoredRun(*_one(cursor))


def complete(cursor: Cursor, run_id: str, progress: RunProgress, video: FinishedVideo | None) -> RunState | None:
    """See `VideoRunRepository.complete`."""
    cursor.execute(run_statements.STATE, (run_id,))
    row = cursor.fetchone()
    state = None if row is None else RunState(*row)
    if state is not None and state.is_ended_by_others:
        return state
    if video is not None:
        videos.finish(cursor, video.video_id, video.workspace_id, video.damage)
    cursor.execute(run_statements.COMPLETE, {"id": run_id, **asdict(progress)})
    return state


def end_attempt(cursor: Cursor, message: Mapping[str, str | None], ended: Mapping[str, object]) -> bool:
    """See `VideoRunRepository.end_attempt`."""
    cursor.execute(run_statements.OF_MESSAGE, message)
    row = cursor.fetchone()
    if row is None:
        return message["run_id"] is None
    *stored, error_code, is_latest = row
    run, is_named = StoredRun(*stored), message["run_id"] == stored[0]
    is_open = run.status in ("running", "failed") or (run.status == "pending" and is_named)
    is_own = error_code != "superseded" and (is_latest or is_named) and not _is_replaced(cursor, run)
    if is_open and is_own:
        cursor.execute(run_statements.END, {**ended, "id": run.id})
        return run.changes_video
    return run.status == "completed" and run.changes_video


def _insert(cursor: Cursor, begun: RunStart, new: NewRun, reason: Permanent = OTHER_SETTINGS) -> StoredRun:
    parent = new.parent
    if parent is not None and new.supersedes:
        cursor.execute(run_statements.END, {**_ended(reason, "failed"), "id": parent.id})
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
    cursor.execute(run_statements.INSERT, values)
    return StoredRun(*_one(cursor))


def _continue(cursor: Cursor, begun: RunStart, run: StoredRun) -> StoredRun:
    cursor.execute(run_statements.CONTINUE, {**_attempt(begun), "run_key": run.run_key or begun.run_key, "id": run.id})
    return StoredRun(*_one(cursor))


def _attempt(begun: RunStart) -> dict[str, object]:
    """The columns of an attempt. On the last receive the run has failed in advance, as the row of its video."""
    values = {name: getattr(begun, name) for name in run_statements.ATTEMPT}
    state = ("failed", "crashed", LAST_ATTEMPT) if begun.is_last else ("running", None, None)
    return (
        values
        | dict(zip(run_statements.STATE_COLUMNS, state, strict=True))
        | {"config_snapshot": json.dumps(dict(begun.config_snapshot))}
    )


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

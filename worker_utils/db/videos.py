"""`videos`: status, failure and times of one video. One transaction per method; each method is idempotent."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, cast

from video_analysis.worker_utils.contracts.messages import IncompleteTask, ProcessVideo, parse_video_task
from video_analysis.worker_utils.db import access, failure_columns
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.attempt_status import (
    DIED_EVERY_TIME,
    AttemptStart,
    Status,
    row_as_stored,
    start_attempt,
)
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.errors import Cancelled, ErrorCode, Paused, Permanent, Transient, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

DEFAULT_STRIDE = 3
_ATTEMPT = ("status", "attempt_state", "error_code", "error_msg")
ACCESS = TableAccess(
    "videos",
    select=(
        *("id", "workspace_id", "workspace_code", "camera_code", "s3_key_raw", "recorded_at", "frame_stride"),
        *(*_ATTEMPT, "processing_finished_at"),
    ),
    update=(*_ATTEMPT, "updated_at", "processing_started_at", "processing_finished_at"),
)
"""Without `file_name` and `camera_label`, which the workers do not use."""
FAIL = f"""
UPDATE videos SET {failure_columns.SET},
    processing_finished_at = CASE WHEN %(final)s THEN now() ELSE processing_finished_at END
WHERE id = %(id)s AND workspace_id = %(workspace_id)s AND status <> 'done'
"""  # noqa: S608  # a constant
FINISH = """
UPDATE videos SET status = 'done', attempt_state = NULL, error_code = %s, error_msg = %s,
    processing_finished_at = now(), updated_at = now()
WHERE id = %s AND workspace_id = %s AND status <> 'done'
"""
STOP = """
UPDATE videos SET status = %s, attempt_state = NULL, error_code = %s, error_msg = %s, updated_at = now(),
    processing_finished_at = CASE WHEN %s THEN now() ELSE processing_finished_at END
WHERE id = %s AND workspace_id = %s AND status <> 'done'
"""

log = logging.getLogger(__name__)


class VideoRepository:
    """The API owns `videos`: only status, attempt_state, error_code, error_msg and the times are written."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def resolve(self, task: IncompleteTask) -> ProcessVideo:
        """The full message: the values that the task lacks come from the video's row. It passes the same checks.

        Raises Transient while there is no such row, Permanent if it belongs to another workspace or is incomplete.
        """

        def select(cursor: Cursor) -> tuple[object, ...] | None:
            cursor.execute(
                "SELECT workspace_id::text, workspace_code, camera_code, s3_key_raw, frame_stride,"
                " to_json(recorded_at) #>> '{}' FROM videos WHERE id = %s",
                (task.video_id,),
            )
            return _row_or_hidden(cursor)

        row = self._database.transaction(select)
        if row is None:
            text = f"videos has no row {task.video_id} yet; the API may not have committed it"
            raise Transient(text, code="no_video_row")
        return _full_task(task, row)

    def begin(self, task: ProcessVideo, *, receive_count: int, is_last: bool) -> None:
        """Begin an attempt, by `start_attempt`. Committed before any work.

        Without a row (an operator's message) it logs a warning and the work continues. Raises Permanent if the row
        belongs to another workspace, or if every earlier attempt crashed.
        """

        started = self._database.transaction(
            lambda cursor: start(cursor, task, receive_count=receive_count, is_last=is_last)
        )
        if started is None:
            log.warning(
                "the table videos has no row for this video; the work continues without it",
                extra={"event": "video.row_missing", "video_id": task.video_id},
            )
        elif started.died_every_time:
            raise Permanent(DIED_EVERY_TIME, code="crashed")

    def finish(self, task: ProcessVideo, *, damage: str | None = None) -> None:
        """Mark the video `done`: every snapshot has been sent. A `done` row is not changed.

        `damage` is what is missing from the file, which is stored with the code `damaged`.
        """
        self._database.transaction(lambda cursor: finish(cursor, task.video_id, task.workspace_id, damage))

    def fail(self, video_id: str, workspace_id: str, failure: WorkerError, *, final: bool) -> None:
        """Write the code and text of the failure; if final, set the status to `error`. A `done` row is not changed.

        A shutdown leaves the reason that the row has, see `failure_columns`.
        """
        written = {**failure_columns.values(failure, final=final), "id": video_id, "workspace_id": workspace_id}
        self._database.transaction(lambda cursor: cursor.execute(FAIL, written))

    def ping(self) -> None:
        """EnvironmentFault while the database cannot be used, see write_probe."""
        self._database.ping()


def start(cursor: Cursor, task: ProcessVideo, *, receive_count: int, is_last: bool) -> AttemptStart | None:
    """Lock the video's row and begin an attempt, by `start_attempt`. None without a row."""
    cursor.execute(
        "SELECT workspace_id::text, status, attempt_state, error_code, error_msg FROM videos WHERE id = %s FOR UPDATE",
        (task.video_id,),
    )
    row = _row_or_hidden(cursor)
    if row is None:
        return None
    workspace_id, *stored = row
    _check_workspace(task, workspace_id)
    found = row_as_stored(*stored)
    started = start_attempt(found, receive_count, is_last)
    if found.status != "done":
        write_attempt(cursor, task.video_id, started)
    return started


def finish(cursor: Cursor, video_id: str, workspace_id: str, damage: str | None) -> None:
    """See `VideoRepository.finish`."""
    code: ErrorCode | None = None if damage is None else "damaged"
    cursor.execute(FINISH, (code, damage, video_id, workspace_id))


def write_stop(cursor: Cursor, video_id: str, workspace_id: str, reason: Paused | Cancelled) -> None:
    """Write that an operator paused or cancelled the run of the video: `queued` or `error`. A `done` row stays."""
    status: Status = "queued" if isinstance(reason, Paused) else "error"
    written = status, reason.code, failure_columns.reason(reason), status == "error", video_id, workspace_id
    cursor.execute(STOP, written)


def write_attempt(cursor: Cursor, video_id: str, started: AttemptStart) -> None:
    """Write the columns of an attempt that begins."""
    row = started.row
    cursor.execute(
        "UPDATE videos SET status = %s, attempt_state = %s, error_code = %s, error_msg = %s,"
        " processing_started_at = now(), processing_finished_at = NULL, updated_at = now() WHERE id = %s",
        (row.status, row.attempt_state, row.error_code, row.error_msg, video_id),
    )


def _row_or_hidden(cursor: Cursor) -> tuple[Any, ...] | None:
    """The row that was selected. EnvironmentFault if there is none because row-level security hides all rows."""
    row = cursor.fetchone()
    if row is None:
        access.check_visible(cursor, ACCESS.name)
    return row


def _check_workspace(task: ProcessVideo | IncompleteTask, workspace_id: object) -> None:
    if workspace_id != task.workspace_id:
        text = f"workspace_id: video {task.video_id} belongs to another workspace"
        raise Permanent(text, code="wrong_workspace")


def _full_task(task: IncompleteTask, row: tuple[object, ...]) -> ProcessVideo:
    workspace_id, workspace_code, camera_code, s3_key_raw, frame_stride, recorded_at = row
    _check_workspace(task, workspace_id)
    stored = {
        "workspace_code": workspace_code,
        "camera_code": camera_code,
        "s3_key_raw": s3_key_raw,
        "frame_stride": DEFAULT_STRIDE if frame_stride is None else frame_stride,
        "recordedAt": recorded_at,
    }
    needed = [name for name in stored if name in task.fields_from_row]
    missing = [name for name in needed if stored[name] is None and name != "recordedAt"]
    if missing:
        text = f"videos.{', videos.'.join(missing)}: null in the row of video {task.video_id}"
        raise Permanent(text, code="incomplete_row")
    body = task.model_dump() | {name: stored[name] for name in needed} | {"event": "PROCESS_VIDEO"}
    return cast(ProcessVideo, parse_video_task(json.dumps(body)))

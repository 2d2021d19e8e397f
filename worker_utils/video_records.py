"""`videos`: the status, the reason and the times of one video. One method a statement, all idempotent."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, cast

from video_analysis.worker_utils.database import Database
from video_analysis.worker_utils.errors import Permanent, Transient
from video_analysis.worker_utils.messages import ProcessVideo, ProcessVideoDb, parse_video_task

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

LAST_ATTEMPT = "the last attempt is under way; if this stays, the worker died in it"
DIED_EACH_TIME = "every earlier attempt ended without an outcome (the worker died in it); given up unworked"
DEFAULT_STRIDE = 3

log = logging.getLogger(__name__)


class VideoRecords:
    """`videos` belongs to the API: only status, error_msg and the times are written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, task: ProcessVideoDb) -> ProcessVideo:
        """The full task of the compatibility form, by the same two-step check as a full message.

        Raises Transient while there is no such row, Permanent where it is another workspace's or incomplete.
        """

        def select(cursor: Cursor) -> tuple[object, ...] | None:
            cursor.execute(
                "SELECT workspace_id::text, workspace_code, camera_code, s3_key_raw, frame_stride, recorded_at"
                " FROM videos WHERE id = %s",
                (task.video_id,),
            )
            return cursor.fetchone()

        row = self._database.transaction(select)
        if row is None:
            raise Transient(f"videos has no row {task.video_id} yet; the API may not have committed it")
        return _full_task(task, row)

    def begin(self, task: ProcessVideo, *, first: bool, last: bool) -> None:
        """Mark the video `processing`, committed before any work. No row (an operator's message): a warning.

        `done` stays `done`. On the last receive the row says `error` while the work goes on, so that a death in
        it leaves no row `processing` for ever; and if earlier receives left no trace but `processing`, Permanent.
        """

        def claim(cursor: Cursor) -> None:
            cursor.execute(
                "SELECT workspace_id::text, status, error_msg FROM videos WHERE id = %s FOR UPDATE", (task.video_id,)
            )
            row = cursor.fetchone()
            if row is None:
                log.warning("videos has no row for this video; going on without", extra={"video_id": task.video_id})
                return
            workspace_id, status, error_msg = row
            if workspace_id != task.workspace_id:
                raise Permanent(f"workspace_id: video {task.video_id} belongs to another workspace")
            if status == "done":
                return
            if last and status == "processing" and error_msg is None:
                raise Permanent(DIED_EACH_TIME)
            cursor.execute(
                "UPDATE videos SET status = %s, error_msg = %s, processing_started_at = now(),"
                " processing_finished_at = NULL, updated_at = now() WHERE id = %s",
                (
                    "error" if last else "processing",
                    LAST_ATTEMPT if last else None if first else error_msg,
                    task.video_id,
                ),
            )

        self._database.transaction(claim)

    def finish(self, task: ProcessVideo) -> None:
        """Every snapshot of the video has been emitted: `done`. A row that is `done` already is left alone."""
        self._database.transaction(
            lambda cursor: cursor.execute(
                "UPDATE videos SET status = 'done', error_msg = NULL, processing_finished_at = now(),"
                " updated_at = now() WHERE id = %s AND workspace_id = %s AND status <> 'done'",
                (task.video_id, task.workspace_id),
            )
        )

    def fail(self, video_id: str, workspace_id: str, reason: str, *, final: bool) -> None:
        """Leave the reason in error_msg; `error` when final. A row that is `done` stays as it is."""
        self._database.transaction(
            lambda cursor: cursor.execute(
                "UPDATE videos SET error_msg = %s, updated_at = now(),"
                " status = CASE WHEN %s THEN 'error' ELSE status END,"
                " processing_finished_at = CASE WHEN %s THEN now() ELSE processing_finished_at END"
                " WHERE id = %s AND workspace_id = %s AND status <> 'done'",
                (reason, final, final, video_id, workspace_id),
            )
        )

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer."""
        self._database.ping()


def _full_task(task: ProcessVideoDb, row: tuple[object, ...]) -> ProcessVideo:
    workspace_id, workspace_code, camera_code, s3_key_raw, frame_stride, recorded_at = row
    if workspace_id != task.workspace_id:
        raise Permanent(f"workspace_id: video {task.video_id} belongs to another workspace")
    missing = [
        name
        for name, value in (
            ("workspace_code", workspace_code),
            ("camera_code", camera_code),
            ("s3_key_raw", s3_key_raw),
        )
        if value is None
    ]
    if missing:
        raise Permanent(f"videos.{', videos.'.join(missing)}: null in the row of video {task.video_id}")
    body = {
        "event": "PROCESS_VIDEO",
        "video_id": task.video_id,
        "workspace_id": task.workspace_id,
        "workspace_code": workspace_code,
        "camera_code": camera_code,
        "s3_key_raw": s3_key_raw,
        "frame_stride": DEFAULT_STRIDE if frame_stride is None else frame_stride,
        "recordedAt": None if recorded_at is None else recorded_at.isoformat(),  # type: ignore[attr-defined]
    }
    return cast(ProcessVideo, parse_video_task(json.dumps(body)))

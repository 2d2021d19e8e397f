"""`videos`: the status, the reason and the times of one video. One method a statement, all idempotent."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, cast

from video_analysis.worker_utils import trial_row, wire
from video_analysis.worker_utils.attempts import DIED_EVERY_TIME, Opening, opening
from video_analysis.worker_utils.database import Database
from video_analysis.worker_utils.errors import Permanent, Transient
from video_analysis.worker_utils.messages import ProcessVideo, ProcessVideoDb, parse_video_task

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

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
                "SELECT workspace_id::text, workspace_code, camera_code, s3_key_raw, frame_stride,"
                " to_json(recorded_at) #>> '{}' FROM videos WHERE id = %s",
                (task.video_id,),
            )
            return cursor.fetchone()

        row = self._database.transaction(select)
        if row is None:
            raise Transient(f"videos has no row {task.video_id} yet; the API may not have committed it")
        return _full_task(task, row)

    def begin(self, task: ProcessVideo, *, receive_count: int, is_last: bool) -> None:
        """Open an attempt, committed before any work: status by `attempts.opening`.

        No row (an operator's message): a warning, and the work goes on. Raises Permanent where the row is another
        workspace's, or where every earlier attempt died.
        """

        def open_attempt(cursor: Cursor) -> Opening | None:
            cursor.execute(
                "SELECT workspace_id::text, status, error_msg FROM videos WHERE id = %s FOR UPDATE", (task.video_id,)
            )
            row = cursor.fetchone()
            if row is None:
                return None
            workspace_id, status, error_msg = row
            if workspace_id != task.workspace_id:
                raise Permanent(f"workspace_id: video {task.video_id} belongs to another workspace")
            opened = opening(status, error_msg, receive_count, is_last)
            if status != "done":
                cursor.execute(
                    "UPDATE videos SET status = %s, error_msg = %s, processing_started_at = now(),"
                    " processing_finished_at = NULL, updated_at = now() WHERE id = %s",
                    (opened.status, opened.error_msg, task.video_id),
                )
            return opened

        opened = self._database.transaction(open_attempt)
        if opened is None:
            log.warning(
                "the table videos has no row for this video; the work continues without it",
                extra={"event": "video.row_missing", "video_id": task.video_id},
            )
        elif opened.died_every_time:
            raise Permanent(DIED_EVERY_TIME)

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
                (wire.printable(reason, wire.LONGEST_REASON), final, final, video_id, workspace_id),
            )
        )

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer, takes no new row, or its tables are not there."""
        self._database.ping("videos", "image_analyses", trial=trial_row.insert)


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
        "recordedAt": recorded_at,
    }
    return cast(ProcessVideo, parse_video_task(json.dumps(body)))

"""The progress of one video, from `video_runs`, the views of stage 2, and `videos`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import RunStatus

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

READABLE = "SELECT to_regclass(%s) IS NOT NULL AND has_table_privilege(to_regclass(%s), 'SELECT')"
RUN = """
SELECT id::text, status, run_type, current_stage, progress, frames_done, frames_total, fps, eta_s, vehicles, attempts,
    error_code, error_msg, updated_at, extract(epoch FROM now() - updated_at)::float
FROM video_runs WHERE video_id = %s ORDER BY created_at DESC, id LIMIT 1
"""
VIDEO = "SELECT status::text, processing_started_at, error_code, error_msg FROM videos WHERE id = %s"
OF_RUN = """
SELECT max(expected), min(ok), max(error) FROM analysis_progress WHERE run_id = %s
"""
OF_VIDEO = """
SELECT count(*), count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE status = 'error')
FROM {} WHERE video_id = %s
"""
"""From `image_analyses` or the view `current_image_analyses`, which has the vehicles of one run."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The columns of the newest run that are shown."""

    id: str
    status: RunStatus
    run_type: str
    current_stage: str | None
    progress: float | None
    """0 to 1."""
    frames_done: int | None
    frames_total: int | None
    fps: float | None
    eta_s: float | None
    vehicles: int | None
    attempts: int
    error_code: str | None
    error_msg: str | None
    updated_at: datetime
    age_s: float
    """Seconds since the row was written, by the clock of the server."""


@dataclass(frozen=True, slots=True)
class VideoProgress:
    """What the database has about one video."""

    video_id: str
    video_status: str | None
    """None without a row in `videos`."""
    processing_started_at: datetime | None
    run: RunProgress | None
    """None without a run, and where the role may not read `video_runs`."""
    snapshots: int
    classified: int
    failed: int
    error_code: str | None
    error_msg: str | None

    @property
    def is_known(self) -> bool:
        """Whether any row of the video exists."""
        return self.video_status is not None or self.run is not None or self.snapshots > 0

    @property
    def attempt(self) -> tuple[object, ...]:
        """Differs as soon as a worker has begun or ended an attempt: by the newest run, or without one by the video."""
        run = self.run
        if run is not None:
            return run.id, run.status, run.attempts, run.updated_at
        return self.processing_started_at, self.video_status in ("done", "error")


class VideoProgressReader:
    """Reads the progress of videos with an operator's own grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, video_id: str) -> VideoProgress:
        """The progress now. EnvironmentFault or Transient as `Database.transaction`."""
        return self._database.transaction(lambda cursor: _read(cursor, video_id))


def _read(cursor: Cursor, video_id: str) -> VideoProgress:
    run = _optional(cursor, "video_runs", lambda: _one(cursor, RUN, video_id))
    found = None if run is None else RunProgress(*run)
    row = _optional(cursor, "videos", lambda: _one(cursor, VIDEO, video_id))
    status, started_at, code, text = row or (None, None, None, None)
    if found is not None:
        code, text = found.error_code or code, found.error_msg or text
    snapshots, classified, failed = _counts(cursor, video_id, found)
    return VideoProgress(video_id, status, started_at, found, snapshots, classified, failed, code, text)


def _counts(cursor: Cursor, video_id: str, run: RunProgress | None) -> Sequence[int]:
    """Snapshots, classified and failed ones: those of the run, or without one those that a UI shows."""
    counts = None if run is None else _optional(cursor, "analysis_progress", lambda: _one(cursor, OF_RUN, run.id))
    if counts is not None and counts[0] is not None:
        return counts
    view = "current_image_analyses"
    current = _optional(cursor, view, lambda: _one(cursor, OF_VIDEO.format(view), video_id))
    return current or _one(cursor, OF_VIDEO.format("image_analyses"), video_id) or (0, 0, 0)


def _optional(cursor: Cursor, table: str, read: Callable[[], Sequence[Any] | None]) -> Sequence[Any] | None:
    """The row, or None where the table does not exist or may not be read."""
    cursor.execute(READABLE, (table, table))
    return read() if cursor.fetchone() == (True,) else None


def _one(cursor: Cursor, statement: str, value: str) -> Sequence[Any] | None:
    cursor.execute(statement, (value,))
    row: Sequence[Any] | None = cursor.fetchone()
    return row

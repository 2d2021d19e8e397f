"""`image_analyses`: one row per snapshot. One transaction per method; each method is idempotent.

Stage 1 claims rows, stage 2 begins and ends attempts at them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields, replace
from typing import TYPE_CHECKING

from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db import failure_columns, image_analysis_results
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.attempt_status import (
    DIED_IN_A_BATCH,
    Status,
    row_as_stored,
    start_attempt_in_batch,
)
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.row_types import (
    AnalysisRequest,
    AnalysisState,
    DetectedBox,
    FinishedAnalysis,
    SnapshotClaim,
    SnapshotColumns,
    snapshot_columns,
)
from video_analysis.worker_utils.errors import Transient, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

FROM_MESSAGE = tuple(field.name for field in fields(SnapshotColumns))
ATTEMPT = ("status", "attempt_state", "error_code", "error_msg")
FROM_RUN = ("run_key", "detected_box", "run_id")
INSERTED = (*FROM_MESSAGE, *FROM_RUN, "status")
CLAIM_ACCESS = TableAccess(
    "image_analyses",
    select=("snapshot_s3_key", "video_id", "run_key", "track_id", "yolo_type", "status", "error_code"),
    insert=INSERTED,
    update=("run_key", "detected_box", "attempt_state", "error_code", "error_msg", "updated_at"),
)
"""What stage 1 needs."""
ANALYSIS_ACCESS = TableAccess(
    "image_analyses", select=("id", "snapshot_s3_key", *ATTEMPT), insert=INSERTED, update=(*ATTEMPT, "updated_at")
)
"""What stage 2 needs."""

INSERT = f"""
INSERT INTO image_analyses ({", ".join((*FROM_MESSAGE, *FROM_RUN))}, status)
VALUES ({", ".join(["%s"] * len((*FROM_MESSAGE, *FROM_RUN)))}, 'queued') ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608  # the names of the columns are constants
ROW_OF_TRACK = """
SELECT snapshot_s3_key, yolo_type, error_code, status FROM image_analyses
WHERE video_id = %s AND run_key = %s AND track_id = %s
"""
ADOPT = """
UPDATE image_analyses SET run_key = %s, detected_box = %s, updated_at = now()
WHERE snapshot_s3_key = %s AND run_key IS NULL
RETURNING snapshot_s3_key, yolo_type, error_code, status
"""
OTHER_RUNS_ROW = "SELECT 1 FROM image_analyses WHERE snapshot_s3_key = %s AND run_key <> %s"
LOCK = """
SELECT id::text, status, attempt_state, error_code, error_msg FROM image_analyses
WHERE snapshot_s3_key = %s FOR UPDATE
"""
BEGIN = """
UPDATE image_analyses SET status = %s, attempt_state = %s, error_code = %s, error_msg = %s, updated_at = now()
WHERE id = %s AND (status, attempt_state, error_code, error_msg)
    IS DISTINCT FROM (%s::analysis_status_enum, %s, %s, %s)
"""
BEGIN_ALONE = """
UPDATE image_analyses SET error_code = NULL, error_msg = NULL, updated_at = now()
WHERE id = %s AND status = 'processing' AND attempt_state = 'retry_alone' AND error_msg = %s
"""
FINISH = """
UPDATE image_analyses
SET status = 'done', attempt_state = NULL, error_code = NULL, error_msg = NULL, updated_at = now()
WHERE id = %s AND (status, attempt_state, error_code, error_msg) IS DISTINCT FROM ('done', NULL, NULL, NULL)
"""
FAIL = f"""
UPDATE image_analyses SET {failure_columns.SET} WHERE snapshot_s3_key = %(uri)s AND status <> 'done'
"""  # noqa: S608  # a constant
MARK_SEND_DENIED = """
UPDATE image_analyses SET attempt_state = NULL, error_code = %s, error_msg = %s, updated_at = now()
WHERE snapshot_s3_key = %s AND status = 'queued' AND (error_code IS NULL OR error_code = 'send_denied')
"""
MARK_SENT = """
UPDATE image_analyses SET error_code = NULL, error_msg = NULL, updated_at = now()
WHERE snapshot_s3_key = %s AND status = 'queued' AND error_code = 'send_denied'
"""


class ImageAnalysisRepository:
    """The rows of snapshots."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def claim(
        self, message: SnapshotReady, run_key: str, box: DetectedBox | None, run_id: str | None = None
    ) -> SnapshotClaim:
        """Insert the vehicle's row as `queued`, or adopt an existing row. `box` is None if it is unknown.

        `run_id` is stored in a new row, for information: runs with equal run keys share their rows.

        - If an earlier attempt of the same run inserted a row for the track, that row is adopted, even if it names
          another frame.
        - If a row without a run key (from an operator's message) has the same snapshot, it gets this run key and box.
        - If a row of another run has the same snapshot, the offset becomes the next free millisecond.
        """

        stored_box = None if box is None else json.dumps(asdict(box))

        def claim(cursor: Cursor) -> SnapshotClaim:
            candidate = message
            while (claimed := _claim(cursor, candidate, run_key, stored_box, run_id)) is None:
                candidate = _one_ms_later(candidate)
            return claimed

        return self._database.transaction(claim)

    def begin_analyses(self, requests: Sequence[AnalysisRequest]) -> list[AnalysisState]:
        """Begin an attempt at each snapshot, by `start_attempt_in_batch`. Inserts the rows that do not exist.

        Returns the rows before this attempt, in the order of the requests. Rows are locked in the order of their
        snapshots, so that two workers with overlapping batches wait for each other instead of deadlocking.
        """

        def begin(cursor: Cursor) -> list[AnalysisState]:
            in_order = sorted(requests, key=lambda request: request.snapshot_s3_key)
            states = {request.snapshot_s3_key: _begin(cursor, request) for request in in_order}
            return [states[request.snapshot_s3_key] for request in requests]

        return self._database.transaction(begin)

    def mark_isolated_retry(self, analysis_id: str) -> None:
        """Mark that a `retry_alone` row is now processed alone, see `attempt_status.begun_alone`.

        If the process crashes next, this snapshot was the cause.
        """
        self._database.transaction(lambda cursor: cursor.execute(BEGIN_ALONE, (analysis_id, DIED_IN_A_BATCH)))

    def finish_analyses(self, rows: Sequence[FinishedAnalysis]) -> None:
        """Write all results and mark the rows `done`. The same results again change nothing."""

        def finish(cursor: Cursor) -> None:
            for row in sorted(rows, key=lambda row: row.id):
                for result in row.results:
                    image_analysis_results.upsert(cursor, row.id, result)
                cursor.execute(FINISH, (row.id,))

        self._database.transaction(finish)

    def fail_analysis(self, snapshot_uri: str, failure: WorkerError, final: bool) -> None:
        """Write the code and text of the failure; if final, set the status to `error`. A `done` row is not changed.

        A shutdown leaves the reason that the row has, see `failure_columns`.
        """
        written = {**failure_columns.values(failure, final=final), "uri": snapshot_uri}
        self._database.transaction(lambda cursor: cursor.execute(FAIL, written))

    def mark_send_denied(self, snapshot_uri: str, failure: WorkerError) -> None:
        """Write why the message of a queued row cannot be sent. A row that main_worker has begun is not changed."""
        written = failure.code, failure_columns.reason(failure), snapshot_uri
        self._database.transaction(lambda cursor: cursor.execute(MARK_SEND_DENIED, written))

    def mark_sent(self, snapshot_uri: str) -> None:
        """Remove `send_denied` from a queued row: its message is sent."""
        self._database.transaction(lambda cursor: cursor.execute(MARK_SENT, (snapshot_uri,)))

    def ping(self) -> None:
        """EnvironmentFault while the database cannot be used, see write_probe."""
        self._database.ping()


def _claim(
    cursor: Cursor, message: SnapshotReady, run_key: str, box: str | None, run_id: str | None
) -> SnapshotClaim | None:
    """Insert or adopt the row; `box` is JSON. None if a row of another run has this snapshot."""
    cursor.execute(INSERT, (*astuple(snapshot_columns(message)), run_key, box, run_id))
    if cursor.fetchone() is not None:
        return SnapshotClaim(message, is_other_frame=False)
    cursor.execute(ROW_OF_TRACK, (message.video_id, run_key, message.track_id))
    row = cursor.fetchone()
    if row is None:
        cursor.execute(ADOPT, (run_key, box, message.snapshot_s3_key))
        row = cursor.fetchone()
    if row is not None:
        return _adopted(message, *row)
    cursor.execute(OTHER_RUNS_ROW, (message.snapshot_s3_key, run_key))
    if cursor.fetchone() is None:
        raise _vanished(message.snapshot_s3_key)
    return None


def _adopted(
    message: SnapshotReady, uri: str, yolo_type: YoloType, error_code: str | None, status: Status
) -> SnapshotClaim:
    return SnapshotClaim(
        snapshot_ready(parse_snapshot_uri(uri), message.recordedAt, yolo_type),
        is_other_frame=uri != message.snapshot_s3_key,
        send_denied=error_code == "send_denied",
        was_sent=status in ("processing", "done"),
    )


def _one_ms_later(message: SnapshotReady) -> SnapshotReady:
    uri = message.snapshot
    return snapshot_ready(replace(uri, offset_ms=uri.offset_ms + 1), message.recordedAt, message.yolo_type)


def _begin(cursor: Cursor, request: AnalysisRequest) -> AnalysisState:
    cursor.execute(INSERT, (*(getattr(request, name) for name in FROM_MESSAGE), *[None] * len(FROM_RUN)))
    cursor.execute(LOCK, (request.snapshot_s3_key,))
    row = cursor.fetchone()
    if row is None:
        raise _vanished(request.snapshot_s3_key)
    analysis_id, *stored = row
    found = row_as_stored(*stored)
    started = start_attempt_in_batch(found, request.receive_count, request.is_last)
    written = astuple(started.row)
    cursor.execute(BEGIN, (*written, analysis_id, *written))
    return AnalysisState(
        analysis_id,
        request.snapshot_s3_key,
        found.status,
        image_analysis_results.checkpoints(cursor, analysis_id),
        died_every_time=started.died_every_time,
        died_before=started.died_before,
        crashed_alone=started.crashed_alone,
    )


def _vanished(snapshot_uri: str) -> Transient:
    return Transient(f"the row of {snapshot_uri} vanished between two statements", code="row_vanished")

"""Stage 2's side of `image_analyses` and `image_analysis_results`. One method a transaction, all idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from psycopg2.extras import Json

from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.attempt_status import opening_in_batch, row_as_stored, state_after
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.row_types import (
    AnalysisRequest,
    AnalysisState,
    FinishedAnalysis,
    VariantResult,
)
from video_analysis.worker_utils.errors import Transient, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

INSERT_ROW = """
INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,
    recorded_at, detected_in_ms, detected_at, yolo_type)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
UPSERT_RESULT = """
INSERT INTO image_analysis_results AS r (analysis_id, variant, checkpoint, type_label, type_conf, make_label, make_conf,
    model_label, model_conf, colors, plate_text, plate_conf, evidence, assets, latency_ms, gflops, memory_usage)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (analysis_id, variant) DO UPDATE SET checkpoint = excluded.checkpoint,
    type_label = excluded.type_label, type_conf = excluded.type_conf, make_label = excluded.make_label,
    make_conf = excluded.make_conf, model_label = excluded.model_label, model_conf = excluded.model_conf,
    colors = excluded.colors, plate_text = excluded.plate_text, plate_conf = excluded.plate_conf,
    evidence = excluded.evidence, assets = excluded.assets, latency_ms = excluded.latency_ms,
    gflops = excluded.gflops, memory_usage = excluded.memory_usage, updated_at = now()
WHERE r.checkpoint IS DISTINCT FROM excluded.checkpoint
"""


class AnalysisRecords:
    """The rows of the snapshots in hand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_analyses(self, requests: Sequence[AnalysisRequest]) -> list[AnalysisState]:
        """Open an attempt at each snapshot, in one transaction: a row for each, status by `attempts.opening_in_batch`.

        The states come in the order of the requests, as the rows stood before. Rows are locked in one order, so
        that two workers with overlapping batches wait for each other instead of deadlocking.
        """

        def begin(cursor: Cursor) -> list[AnalysisState]:
            in_order = sorted(requests, key=lambda request: request.snapshot_uri)
            states = {request.snapshot_uri: _begin_one(cursor, request) for request in in_order}
            return [states[request.snapshot_uri] for request in requests]

        return self._database.transaction(begin)

    def begin_alone(self, analysis_id: str) -> None:
        """Take back the reason of one that died before: should it die again, it died by itself."""
        self._database.transaction(
            lambda cursor: cursor.execute(
                "UPDATE image_analyses SET attempt_state = NULL, error_code = NULL, error_msg = NULL,"
                " updated_at = now() WHERE id = %s AND status = 'processing' AND attempt_state = 'retry_alone'",
                (analysis_id,),
            )
        )

    def finish_analyses(self, rows: Sequence[FinishedAnalysis]) -> None:
        """Write all results and mark the rows `done`, in one transaction. The same results again change nothing."""

        def finish(cursor: Cursor) -> None:
            for row in sorted(rows, key=lambda row: row.id):
                for result in row.results:
                    cursor.execute(UPSERT_RESULT, (row.id, *_columns(result)))
                cursor.execute(
                    "UPDATE image_analyses SET status = 'done', attempt_state = NULL, error_code = NULL,"
                    " error_msg = NULL, updated_at = now() WHERE id = %s"
                    " AND (status, attempt_state, error_code, error_msg) IS DISTINCT FROM ('done', NULL, NULL, NULL)",
                    (row.id,),
                )

        self._database.transaction(finish)

    def fail_analysis(self, snapshot_uri: str, failure: WorkerError, final: bool) -> None:
        """Leave the failure's code and text in the row; `error` when final. A row that is `done` stays as it is."""
        reason = schema_check.printable(str(failure), schema_check.LONGEST_REASON)
        self._database.transaction(
            lambda cursor: cursor.execute(
                "UPDATE image_analyses SET attempt_state = %s, error_code = %s, error_msg = %s, updated_at = now(),"
                " status = CASE WHEN %s THEN 'error' ELSE status END"
                " WHERE snapshot_s3_key = %s AND status <> 'done'",
                (state_after(failure.code), failure.code, reason, final, snapshot_uri),
            )
        )

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer, takes no new row, or lacks a table or column."""
        self._database.ping(write_probe.IMAGE_ANALYSES, write_probe.IMAGE_ANALYSIS_RESULTS, trial=write_probe.insert)


def _begin_one(cursor: Cursor, request: AnalysisRequest) -> AnalysisState:
    cursor.execute(
        INSERT_ROW,
        (
            *(request.workspace_id, request.video_id, request.workspace_code, request.camera_code, request.track_id),
            *(request.snapshot_uri, request.recorded_at, request.detected_in_ms, request.detected_at),
            request.yolo_type,
        ),
    )
    cursor.execute(
        "SELECT id::text, status, attempt_state, error_code, error_msg FROM image_analyses"
        " WHERE snapshot_s3_key = %s FOR UPDATE",
        (request.snapshot_uri,),
    )
    row = cursor.fetchone()
    if row is None:
        text = f"the row of {request.snapshot_uri} vanished between two statements"
        raise Transient(text, code="row_vanished")
    analysis_id, *stored = row
    found = row_as_stored(*stored)
    opened = opening_in_batch(found, request.receive_count, request.is_last)
    written = (opened.row.status, opened.row.attempt_state, opened.row.error_code, opened.row.error_msg)
    cursor.execute(
        "UPDATE image_analyses SET status = %s, attempt_state = %s, error_code = %s, error_msg = %s,"
        " updated_at = now() WHERE id = %s AND (status, attempt_state, error_code, error_msg)"
        " IS DISTINCT FROM (%s::analysis_status_enum, %s, %s, %s)",
        (*written, analysis_id, *written),
    )
    cursor.execute("SELECT variant, checkpoint FROM image_analysis_results WHERE analysis_id = %s", (analysis_id,))
    checkpoints = {variant: checkpoint or "" for variant, checkpoint in cursor.fetchall()}
    died = opened.died_every_time, opened.died_before
    return AnalysisState(analysis_id, request.snapshot_uri, found.status, checkpoints, *died)


def _columns(result: VariantResult) -> tuple[object, ...]:
    return (
        *(result.variant, result.checkpoint, result.type_label, result.type_conf, result.make_label, result.make_conf),
        *(result.model_label, result.model_conf, None if result.colors is None else Json(result.colors)),
        *(result.plate_text, result.plate_conf, Json(result.evidence), Json(result.assets)),
        *(result.latency_ms, result.gflops, result.memory_usage),
    )

"""The row of a snapshot: what each attempt, its end and its failure write, in a real PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support.consumer_harness import PATIENCE_S, Bench, ScriptedHandler, finished
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.attempt_status import DIED_EVERY_TIME, DIED_IN_A_BATCH, LAST_ATTEMPT
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import AnalysisRequest, AnalysisState, FinishedAnalysis, VariantResult
from video_analysis.worker_utils.errors import BadSnapshot, EnvironmentFault, Interrupted, Permanent, Transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Sql = Callable[..., list[dict[str, Any]]]
Columns = tuple[str, str | None, str | None, str | None]
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
URI = "s3://bucket/snapshot.jpg"
PROCESSING: Columns = ("processing", None, None, None)
BEGUN: Columns = ("processing", "retry_alone", None, None)
ALONE: Columns = ("processing", "retry_alone", None, DIED_IN_A_BATCH)
LAST: Columns = ("error", "last_attempt", None, LAST_ATTEMPT)
CRASHED: Columns = ("error", "crashed", "crashed", DIED_EVERY_TIME)
DONE: Columns = ("done", None, None, None)
RESULT = VariantResult("baseline", "m@1", "SUV", 0.9, None, None, None, None, {}, {}, 1, None, 0.1)


@dataclass
class ProbingHandler(ScriptedHandler):
    """Its probe is the database's own."""

    records: ImageAnalysisRepository | None = None

    def probe(self) -> None:
        assert self.records is not None
        try:
            self.records.ping()
        except EnvironmentFault as fault:
            self.probed.put(fault)
            raise


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "cvitx-test", write_probe.stage_two)
    yield database
    database.close()


@pytest.fixture
def records(database: Database) -> ImageAnalysisRepository:
    return ImageAnalysisRepository(database)


def begin(records: ImageAnalysisRepository, receive_count: int) -> AnalysisState:
    request = AnalysisRequest(
        *(WORKSPACE, VIDEO, "CTX1005", "CAM1", 1, URI, None, 2272, None, "SUV"), receive_count, receive_count >= 5
    )
    (state,) = records.begin_analyses([request])
    return state


def row_of(sql: Sql) -> Columns:
    (row,) = sql("SELECT status::text, attempt_state, error_code, error_msg FROM image_analyses")
    return row["status"], row["attempt_state"], row["error_code"], row["error_msg"]


def write_as_previous_release(sql: Sql, status: str, error_msg: str | None) -> None:
    """What a worker of the release before attempt_state writes: it does not know the two columns."""
    sql("UPDATE image_analyses SET status = %s, error_msg = %s, updated_at = now()", status, error_msg)


def test_a_snapshot_whose_attempts_all_crash_is_retried_alone_and_then_given_up(
    records: ImageAnalysisRepository, sql: Sql
) -> None:
    begin(records, 1)
    assert row_of(sql) == PROCESSING
    state = begin(records, 2)
    assert (state.died_before, row_of(sql)) == (True, ALONE)
    assert not state.crashed_alone
    records.mark_isolated_retry(state.id)
    assert row_of(sql) == BEGUN
    state = begin(records, 3)
    assert (state.died_before, state.crashed_alone, row_of(sql)) == (True, True, BEGUN)
    state = begin(records, 5)
    assert (state.died_every_time, row_of(sql)) == (True, CRASHED)
    records.fail_analysis(URI, Permanent(DIED_EVERY_TIME, code="crashed"), final=True)
    assert row_of(sql) == CRASHED
    assert begin(records, 5).died_every_time


def test_beginning_alone_goes_by_the_state_and_leaves_every_other_row_as_it_is(
    records: ImageAnalysisRepository, sql: Sql
) -> None:
    state = begin(records, 1)
    sql("UPDATE image_analyses SET attempt_state = 'retry_alone', error_msg = %s", DIED_IN_A_BATCH)
    records.mark_isolated_retry(state.id)
    assert row_of(sql) == BEGUN
    for status, attempt_state, error_code, error_msg in (
        ("processing", None, "transient", DIED_IN_A_BATCH),
        ("processing", None, "transient", "S3 was slow"),
        ("processing", "retry_alone", None, "S3 was slow"),
        LAST,
        CRASHED,
        BEGUN,
        DONE,
    ):
        columns = (status, attempt_state, error_code, error_msg)
        sql("UPDATE image_analyses SET status = %s, attempt_state = %s, error_code = %s, error_msg = %s", *columns)
        records.mark_isolated_retry(state.id)
        assert row_of(sql) == columns


def test_a_failure_leaves_its_code_and_text_and_a_success_clears_them(
    records: ImageAnalysisRepository, sql: Sql
) -> None:
    begin(records, 1)
    records.fail_analysis(URI, Transient("S3 was slow"), final=False)
    assert row_of(sql) == ("processing", None, "transient", "S3 was slow")
    begin(records, 2)
    assert row_of(sql) == ("processing", None, "transient", "S3 was slow")
    records.fail_analysis(URI, BadSnapshot("is not a JPEG", code="not_a_jpeg"), final=True)
    assert row_of(sql) == ("error", None, "not_a_jpeg", "is not a JPEG")
    state = begin(records, 5)
    assert row_of(sql) == LAST
    records.finish_analyses([FinishedAnalysis(state.id, (RESULT,))])
    assert row_of(sql) == DONE
    records.fail_analysis(URI, Transient("late"), final=True)
    assert row_of(sql) == DONE


def test_a_shutdown_keeps_the_reason_of_a_failure_and_replaces_the_text_of_a_state(
    records: ImageAnalysisRepository, sql: Sql
) -> None:
    begin(records, 1)
    begin(records, 2)
    assert row_of(sql) == ALONE
    records.fail_analysis(URI, Interrupted("shutting down"), final=False)
    assert row_of(sql) == ("processing", None, "interrupted", "shutting down")
    records.fail_analysis(URI, Transient("S3 was slow"), final=False)
    begin(records, 3)
    records.fail_analysis(URI, Interrupted("shutting down"), final=False)
    assert row_of(sql) == ("processing", None, "transient", "S3 was slow")
    begin(records, 5)
    records.fail_analysis(URI, Interrupted("shutting down"), final=True)
    assert row_of(sql) == ("error", None, "interrupted", "shutting down")


def test_the_same_success_again_changes_no_byte(records: ImageAnalysisRepository, sql: Sql) -> None:
    state = begin(records, 1)
    records.finish_analyses([FinishedAnalysis(state.id, (RESULT,))])
    before = sql("SELECT xmin::text, * FROM image_analyses")
    records.finish_analyses([FinishedAnalysis(state.id, (RESULT,))])
    begin(records, 2)
    assert sql("SELECT xmin::text, * FROM image_analyses") == before


@pytest.mark.parametrize("found", [ALONE, LAST, CRASHED])
def test_a_row_of_the_previous_release_is_read_by_its_text_and_gets_its_state(
    records: ImageAnalysisRepository, sql: Sql, found: Columns
) -> None:
    begin(records, 1)
    status, attempt_state, _, error_msg = found
    write_as_previous_release(sql, status, error_msg)
    begin(records, 2)
    assert row_of(sql) == ("processing", attempt_state, None, error_msg)


@pytest.mark.parametrize("state", ["crashed", "last_attempt", "retry_alone"])
def test_a_snapshot_that_an_older_worker_finished_is_done_despite_old_columns(
    records: ImageAnalysisRepository, sql: Sql, state: str
) -> None:
    begin(records, 1)
    sql("UPDATE image_analyses SET attempt_state = %s, error_code = 'crashed'", state)
    write_as_previous_release(sql, "done", None)
    seen = begin(records, 5)
    assert (seen.status, seen.died_every_time, seen.died_before) == ("done", False, False)
    assert row_of(sql) == DONE


@pytest.mark.parametrize("state", ["crashed", "last_attempt"])
def test_a_snapshot_that_an_older_worker_found_slow_is_not_given_up(
    records: ImageAnalysisRepository, sql: Sql, state: str
) -> None:
    begin(records, 1)
    sql("UPDATE image_analyses SET attempt_state = %s, error_code = 'crashed'", state)
    write_as_previous_release(sql, "processing", "S3 was slow")
    seen = begin(records, 4)
    assert not seen.died_before
    assert row_of(sql) == ("processing", None, None, "S3 was slow")
    sql("UPDATE image_analyses SET attempt_state = %s", state)
    assert not begin(records, 5).died_every_time
    assert row_of(sql) == LAST


def test_a_database_before_the_upgrade_is_reported_whole(
    database_url: str, records: ImageAnalysisRepository, sql: Sql
) -> None:
    database = Database(database_url, "cvitx-test", write_probe.stage_one)
    for table in ("videos", "image_analyses"):
        sql(f"ALTER TABLE {table} DROP COLUMN attempt_state CASCADE, DROP COLUMN error_code CASCADE")
    with closing(database), pytest.raises(EnvironmentFault) as fault:
        database.ping()
    lacking = "videos.attempt_state, videos.error_code, image_analyses.attempt_state, image_analyses.error_code"
    assert str(fault.value) == f"the database lacks {lacking}: run schemas/database.sql, then polling continues"
    sql("ALTER TABLE image_analysis_results DROP COLUMN gflops")
    with pytest.raises(EnvironmentFault, match=r"error_code, image_analysis_results\.gflops: run"):
        records.ping()


def test_a_column_that_goes_while_a_worker_runs_is_the_environment_s_fault(
    records: ImageAnalysisRepository, sql: Sql
) -> None:
    begin(records, 1)
    sql("ALTER TABLE image_analyses DROP COLUMN attempt_state CASCADE")
    with pytest.raises(EnvironmentFault, match="attempt_state") as fault:
        begin(records, 2)
    assert fault.value.code == "schema_outdated"


def test_a_worker_that_starts_before_the_upgrade_receives_nothing_until_the_file_was_run(
    sqs: SQSClient, queue_name: str, records: ImageAnalysisRepository, sql: Sql
) -> None:
    sql("ALTER TABLE image_analyses DROP COLUMN error_code CASCADE")
    bench, handler = Bench(sqs, queue_name), ProbingHandler(finished, records=records)
    bench.send("x")
    with bench.running(handler):
        text = "the database lacks image_analyses.error_code: run schemas/database.sql, then polling continues"
        assert [str(handler.probed.get(timeout=PATIENCE_S)) for _ in range(3)] == [text] * 3
        assert bench.called("ReceiveMessage") == 0
        sql("ALTER TABLE image_analyses ADD COLUMN error_code text")
        assert handler.next_delivery().receive_count == 1
    reports = [event for event in bench.observer.events if text in event.message]
    assert len(reports) >= 3
    assert {(event.code, event.level, event.error) for event in reports} == {("probe.failed", logging.ERROR, None)}

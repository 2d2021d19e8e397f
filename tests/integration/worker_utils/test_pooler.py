"""The workers' statements through a real pgbouncer in transaction mode: other clients are not affected by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any

import psycopg2
import pytest

from video_analysis.tests.support.pooler import pgbouncer
from video_analysis.tests.support.video_task import TASK, VIDEO, WORKSPACE
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import AnalysisRequest, FinishedAnalysis, VariantResult, snapshot_columns
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import EnvironmentFault, Transient

Sql = Callable[..., list[dict[str, Any]]]
RESULT = VariantResult("baseline", "m@1", "SUV", 0.9, None, None, None, None, {}, {}, 1, None, 0.1)
SESSION = (
    "SELECT pg_backend_pid() AS pid, current_setting('statement_timeout') AS statement_timeout,"
    " current_setting('lock_timeout') AS lock_timeout, current_setting('TimeZone') AS timezone,"
    " (SELECT count(*) FROM pg_prepared_statements) AS prepared,"
    " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS advisory_locks,"
    " (SELECT count(*) FROM pg_listening_channels()) AS channels"
)


@pytest.fixture
def pooled_url(database_url: str) -> Iterator[str]:
    """The test's database through a pgbouncer whose clients share one connection."""
    with pgbouncer(database_url) as url:
        yield url


def session(url: str) -> dict[str, Any]:
    """What another client of the pooler sees of the shared connection."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SESSION)
        row = cursor.fetchone()
        assert row is not None
        assert cursor.description is not None
        return dict(zip([column.name for column in cursor.description], row, strict=True))


def snapshot() -> SnapshotReady:
    return snapshot_ready(SnapshotUri("bucket", WORKSPACE, VIDEO, "CTX1005", "CAM1", 1, 80), None, "SUV")


def run_every_statement(database: Database) -> None:
    """Both workers' transactions on one video, a failed one included."""
    videos, analyses = VideoRepository(database), ImageAnalysisRepository(database)
    database.ping()
    videos.begin(TASK, receive_count=1, is_last=False)
    uri = analyses.claim(snapshot(), "run", None).message.snapshot_s3_key
    (state,) = analyses.begin_analyses(
        [AnalysisRequest(**asdict(snapshot_columns(snapshot())), receive_count=1, is_last=False)]
    )
    analyses.fail_analysis(uri, Transient("a reason"), final=False)
    analyses.finish_analyses([FinishedAnalysis(state.id, (RESULT,))])
    videos.fail(VIDEO, WORKSPACE, Transient("a reason"), final=False)
    videos.finish(TASK)
    with pytest.raises(EnvironmentFault):
        database.transaction(lambda cursor: cursor.execute("SELECT * FROM no_such_table"))


def test_both_workers_do_their_work_and_change_nothing_of_the_shared_session(pooled_url: str, sql: Sql) -> None:
    sql("INSERT INTO videos (id, workspace_id) VALUES (%s, %s)", VIDEO, WORKSPACE)
    before = session(pooled_url)
    for probe in (write_probe.stage_one, write_probe.stage_two):
        with closing(Database(pooled_url, "cvitx-test", probe)) as database:
            run_every_statement(database)
            assert session(pooled_url) == before  # the same pid: it is the connection that the worker used
    assert sql("SELECT status FROM videos") == [{"status": "done"}]
    assert sql("SELECT a.status, r.variant FROM image_analyses a JOIN image_analysis_results r ON analysis_id = a.id")
    assert (before["statement_timeout"], before["lock_timeout"], before["prepared"]) == ("0", "0", 0)


def test_the_time_limits_apply_in_each_transaction_whatever_connection_it_gets(pooled_url: str) -> None:
    def limits(cursor: Any) -> Any:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        return cursor.fetchone()

    with closing(Database(pooled_url, "cvitx-test")) as database:
        for _ in range(2):
            assert database.transaction(limits) == ("1min", "20s")
            with closing(psycopg2.connect(pooled_url)) as other, other, other.cursor() as cursor:
                cursor.execute("SET statement_timeout = '5min'; SET lock_timeout = '5min'")


def test_two_workers_share_one_connection_of_the_server(pooled_url: str) -> None:
    with (
        closing(Database(pooled_url, "cvitx-test")) as first,
        closing(Database(pooled_url, "cvitx-test")) as second,
    ):
        first.ping()
        second.ping()
        first.ping()


def test_a_pooler_that_is_down_is_the_environment_s_fault(database_url: str) -> None:
    with pgbouncer(database_url) as url:
        database = Database(url, "cvitx-test")
        database.ping()
    with pytest.raises(EnvironmentFault) as fault:
        database.ping()
    assert fault.value.code == "database_unreachable"
    database.close()

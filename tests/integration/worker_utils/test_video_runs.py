"""The rows of runs over a real PostgreSQL: start, progress, end, and two workers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from psycopg2.extensions import make_dsn

from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_choice import NoWork, SameRun
from video_analysis.worker_utils.db.run_types import RunProgress, RunStart, RunState, StoredRun
from video_analysis.worker_utils.db.video_runs import VideoRunRepository
from video_analysis.worker_utils.errors import Cancelled, Interrupted, Paused, Permanent, Transient, WorkerError

Sql = Callable[..., list[dict[str, Any]]]
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
BEGUN = RunStart(VIDEO, WORKSPACE, "m-1", "key", {"stride": 3}, "0.1.0", "host:1", is_last=False)
HALF = RunProgress("detect", 50, 100, 0.5, 25.0, 2.0, 7)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "cvitx-test")
    yield database
    database.close()


@pytest.fixture
def runs(database: Database) -> VideoRunRepository:
    return VideoRunRepository(database)


def started(runs: VideoRunRepository, **changes: Any) -> StoredRun:
    choice = runs.start(replace(BEGUN, **changes))
    assert isinstance(choice, SameRun)
    return choice.run


def end(runs: VideoRunRepository, failure: WorkerError, *, final: bool, message_id: str = "m-1") -> None:
    runs.end_attempt(VIDEO, WORKSPACE, message_id, failure, final=final)


def rows(sql: Sql) -> list[dict[str, Any]]:
    return sql("SELECT * FROM video_runs ORDER BY created_at")


def state(sql: Sql) -> tuple[Any, ...]:
    row = rows(sql)[-1]
    return row["status"], row["requested"], row["error_code"], row["error_msg"]


def test_the_first_message_of_a_video_begins_its_initial_run(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    [row] = rows(sql)
    assert (run.id, run.root_run_id, run.run_type, run.status) == (row["id"], row["id"], "initial", "running")
    values = {name: row[name] for name in ("run_key", "message_id", "worker", "code_version", "attempts")}
    assert values == {
        "run_key": "key",
        "message_id": "m-1",
        "worker": "host:1",
        "code_version": "0.1.0",
        "attempts": 1,
    }
    assert row["config_snapshot"] == {"stride": 3}
    assert row["parent_run_id"] is row["replay_from_stage"] is row["config_overrides"] is None
    assert row["started_at"] == row["created_at"]


def test_a_redelivery_continues_the_run(runs: VideoRunRepository, sql: Sql) -> None:
    first = started(runs)
    end(runs, Transient("timeout"), final=False)
    assert state(sql) == ("running", None, "transient", "timeout")
    assert started(runs, worker="host:2").id == first.id
    [row] = rows(sql)
    assert (row["attempts"], row["worker"], row["error_code"], row["error_msg"]) == (2, "host:2", None, None)


def test_two_workers_that_begin_one_video_at_once_share_one_run(database_url: str, sql: Sql) -> None:
    def begin(number: int) -> str:
        with closing(Database(database_url, "cvitx-test")) as database:
            return started(VideoRunRepository(database), message_id=f"m-{number}").id

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(begin, range(4)))
    assert [row["id"] for row in rows(sql)] == list(ids)
    assert rows(sql)[0]["attempts"] == 4


def test_two_messages_that_replay_one_video_at_once_share_one_run(
    runs: VideoRunRepository, database_url: str, sql: Sql
) -> None:
    runs.complete(started(runs).id, HALF)

    def begin(number: int) -> str:
        with closing(Database(database_url, "cvitx-test")) as database:
            return started(VideoRunRepository(database), message_id=f"m-{number}", run_key="new key").id

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(begin, range(2, 6)))
    assert [row["id"] for row in rows(sql)[1:]] == list(ids)


def test_a_redelivery_with_another_key_supersedes_the_run(runs: VideoRunRepository, sql: Sql) -> None:
    old = started(runs)
    new = started(runs, run_key="new key")
    assert (new.run_type, new.root_run_id) == ("retry", old.id)
    assert [(row["status"], row["error_code"], row["parent_run_id"]) for row in rows(sql)] == [
        ("failed", "superseded", None),
        ("running", None, old.id),
    ]
    assert started(runs, run_key="new key").id == new.id, "the next receive of the same message"
    runs.complete(old.id, HALF)
    assert runs.write_progress(old.id, HALF) == RunState("failed", None, "superseded")
    end(runs, Transient("x"), final=True)
    assert [row["status"] for row in rows(sql)] == ["failed", "failed"]
    assert [row["error_code"] for row in rows(sql)] == ["superseded", "transient"]


def test_a_completed_run_that_is_sent_again_is_not_changed(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    runs.complete(run.id, HALF)
    before = rows(sql)
    assert started(runs, message_id="m-2").status == "completed"
    end(runs, Permanent("x"), final=True, message_id="m-2")
    runs.complete(run.id, replace(HALF, vehicles=9))
    assert rows(sql) == before


def test_a_completed_run_that_is_sent_again_with_other_settings_is_replayed(runs: VideoRunRepository, sql: Sql) -> None:
    first = started(runs)
    runs.complete(first.id, HALF)
    replay = started(runs, message_id="m-2", run_key="new key")
    assert (replay.run_type, replay.replay_from_stage, replay.root_run_id) == ("replay", "detect", first.id)
    assert started(runs, message_id="m-2", run_key="new key").id == replay.id, "a redelivery"
    assert [row["status"] for row in rows(sql)] == ["completed", "running"]


def test_a_failed_run_that_is_sent_again_is_retried(runs: VideoRunRepository, sql: Sql) -> None:
    first = started(runs)
    end(runs, Permanent("bad"), final=True)
    assert state(sql) == ("failed", None, "permanent", "bad")
    second = started(runs, message_id="m-2")
    assert (second.run_type, second.root_run_id) == ("retry", first.id)
    third_root = started(runs, message_id="m-2", run_key="new key").root_run_id
    assert third_root == first.id, "every run of a video has the root of the first one"


def test_progress_is_written_while_the_run_is_running(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    assert runs.write_progress(run.id, HALF) == RunState("running", None)
    [row] = rows(sql)
    assert {name: row[name] for name in HALF.__dataclass_fields__} == {
        "current_stage": "detect",
        "frames_done": 50,
        "frames_total": 100,
        "progress": 0.5,
        "fps": 25.0,
        "eta_s": 2.0,
        "vehicles": 7,
    }
    sql("UPDATE video_runs SET requested = 'pause'")
    assert runs.write_progress(run.id, HALF) == RunState("running", "pause")
    sql("DELETE FROM video_runs")
    assert runs.write_progress(run.id, HALF) is None


def test_a_pause_and_a_cancellation_fulfil_the_request(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    sql("UPDATE video_runs SET requested = 'pause'")
    for _ in range(2):
        assert isinstance(runs.stop(run.id), Paused)
    assert state(sql) == ("paused", None, "paused", "paused by an operator")
    assert isinstance(runs.start(BEGUN), NoWork)
    assert started(runs, message_id="m-2").status == "running"
    sql("UPDATE video_runs SET requested = 'cancel'")
    for _ in range(2):
        assert isinstance(runs.stop(run.id), Cancelled)
    assert state(sql) == ("cancelled", None, "cancelled", "cancelled by an operator")
    for known in ("m-1", "m-2"):
        assert isinstance(runs.start(replace(BEGUN, message_id=known)), NoWork), "also of an older message"
    assert started(runs, message_id="m-3").run_type == "retry"


def test_a_request_that_was_taken_back_does_not_stop_the_run(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    assert runs.stop(run.id) is None
    assert state(sql) == ("running", None, None, None)


def test_an_older_message_does_not_resume_a_paused_run(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    started(runs, message_id="m-2")
    sql("UPDATE video_runs SET requested = 'pause'")
    runs.stop(run.id)
    for known in ("m-1", "m-2"):
        assert isinstance(runs.start(replace(BEGUN, message_id=known)), NoWork)
    assert rows(sql)[0]["message_ids"] == ["m-1", "m-2"]


def test_the_message_of_a_row_without_the_column_is_known(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    sql("UPDATE video_runs SET message_ids = NULL, status = 'paused'")
    assert isinstance(runs.start(BEGUN), NoWork)
    assert started(runs, message_id="m-2").id == run.id
    assert rows(sql)[0]["message_ids"] == ["m-1", "m-2"]


def test_the_message_of_a_failed_run_joins_the_one_that_took_its_place(runs: VideoRunRepository, sql: Sql) -> None:
    first = started(runs)
    end(runs, Permanent("x"), final=True)
    second = started(runs, message_id="m-2")
    assert started(runs).id == second.id, "m-1 is received again"
    with_run_id = replace(BEGUN, message_id="m-3", run_id=first.id)
    assert isinstance(runs.start(with_run_id), NoWork), "a resume of the failed run"
    assert [row["status"] for row in rows(sql)] == ["failed", "running"]


def test_the_older_of_two_messages_does_not_end_the_run_of_the_newer_one(runs: VideoRunRepository, sql: Sql) -> None:
    started(runs, run_key="stride 1")
    newer = started(runs, message_id="m-2", run_key="stride 3")
    choice = runs.start(replace(BEGUN, run_key="stride 1"))
    assert isinstance(choice, NoWork), "else each of the two workers stops the other one at each redelivery"
    assert choice.run.id == newer.id
    assert [row["status"] for row in rows(sql)] == ["failed", "running"]


def paused(runs: VideoRunRepository, sql: Sql) -> StoredRun:
    run = started(runs)
    sql("UPDATE video_runs SET status = 'paused'")
    return run


def completed_and_replayed(runs: VideoRunRepository, sql: Sql) -> StoredRun:
    """A replay that an operator started and a worker has begun."""
    first = started(runs)
    runs.complete(first.id, HALF)
    [row] = sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_type, parent_run_id, root_run_id, replay_from_stage,"
        " config_overrides) VALUES (%s, %s, 'replay', %s, %s, 'track', '{}') RETURNING id",
        *(VIDEO, WORKSPACE, first.id, first.id),
    )
    return started(runs, message_id="m-0", run_id=row["id"])


@pytest.mark.parametrize("begin", [paused, completed_and_replayed])
def test_the_message_that_names_a_run_continues_the_one_that_takes_its_place(
    runs: VideoRunRepository, sql: Sql, begin: Callable[[VideoRunRepository, Sql], StoredRun]
) -> None:
    named = begin(runs, sql)
    sql("UPDATE video_runs SET status = 'pending' WHERE id = %s", named.id)
    resumed: dict[str, Any] = {"message_id": "m-2", "run_id": named.id, "run_key": "new key"}
    new = started(runs, **resumed)
    assert (new.id != named.id, new.replay_from_stage) == (True, named.replay_from_stage)
    assert started(runs, **resumed).id == new.id, "the worker died, and the message is received again"
    assert isinstance(runs.start(replace(BEGUN, **(resumed | {"message_id": "m-3"}))), NoWork), "a second resume"
    found = [(row["status"], row["error_code"], row["attempts"]) for row in rows(sql)[-2:]]
    assert found == [("failed", "superseded", 1), ("running", None, 2)]


def test_a_video_of_another_workspace_has_runs_of_its_own(runs: VideoRunRepository, sql: Sql) -> None:
    other = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert started(runs).id != started(runs, workspace_id=other).id
    assert [row["status"] for row in rows(sql)] == ["running", "running"]


def test_a_request_survives_a_failure_and_a_shutdown(runs: VideoRunRepository, sql: Sql) -> None:
    started(runs)
    sql("UPDATE video_runs SET requested = 'cancel'")
    end(runs, Interrupted("shutting down"), final=False)
    assert state(sql) == ("running", "cancel", "interrupted", "shutting down")
    assert isinstance(runs.start(BEGUN), Cancelled)
    assert state(sql)[:2] == ("cancelled", None)


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize(("requested", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_request_is_not_lost_when_the_settings_change(
    runs: VideoRunRepository, sql: Sql, requested: str, status: str, *, is_last: bool
) -> None:
    started(runs, is_last=is_last)
    sql("UPDATE video_runs SET requested = %s", requested)
    reason = runs.start(replace(BEGUN, run_key="new key"))
    assert isinstance(reason, Paused | Cancelled)
    assert [(row["status"], row["requested"]) for row in rows(sql)] == [(status, None)]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_new_message_ends_a_run_that_should_be_cancelled_and_begins_a_retry(
    runs: VideoRunRepository, sql: Sql, *, is_last: bool
) -> None:
    started(runs, is_last=is_last)
    sql("UPDATE video_runs SET requested = 'cancel'")
    assert started(runs, message_id="m-2").run_type == "retry"
    assert [(row["status"], row["requested"]) for row in rows(sql)] == [("cancelled", None), ("running", None)]
    assert isinstance(runs.start(BEGUN), SameRun), "the older message joins the retry"


def test_a_new_message_resumes_a_run_that_should_be_paused(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    sql("UPDATE video_runs SET requested = 'pause'")
    assert started(runs, message_id="m-2").id == run.id
    assert state(sql) == ("running", None, None, None)


def test_a_run_that_completes_before_the_request_is_read_is_completed(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs)
    sql("UPDATE video_runs SET requested = 'cancel'")
    runs.complete(run.id, HALF)
    assert state(sql) == ("completed", None, None, None)
    assert runs.stop(run.id) is None
    assert state(sql)[0] == "completed"


@pytest.mark.parametrize(
    "ended", ["status = 'paused'", "status = 'cancelled'", "status = 'failed', error_code = 'superseded'"]
)
def test_a_run_that_others_have_ended_is_not_completed(runs: VideoRunRepository, sql: Sql, ended: str) -> None:
    run = started(runs)
    sql(f"UPDATE video_runs SET {ended}")
    before = rows(sql)
    found = runs.complete(run.id, HALF)
    assert found is not None
    assert (found.is_ended_by_others, rows(sql)) == (True, before)


def test_on_the_last_receive_the_run_has_failed_in_advance(runs: VideoRunRepository, sql: Sql) -> None:
    run = started(runs, is_last=True)
    assert state(sql)[::2] == ("failed", "crashed")
    runs.write_progress(run.id, HALF)
    assert rows(sql)[0]["frames_done"] == 50
    runs.complete(run.id, HALF)
    assert state(sql) == ("completed", None, None, None)


def test_another_message_that_failed_does_not_end_the_run(runs: VideoRunRepository, sql: Sql) -> None:
    started(runs)
    started(runs, message_id="m-2")
    end(runs, Permanent("x"), final=True)
    assert state(sql)[0] == "running"


def test_what_is_missing_is_named(runs: VideoRunRepository, database_url: str, sql: Sql) -> None:
    assert runs.missing() is None
    sql("CREATE ROLE run_reader LOGIN; GRANT SELECT ON video_runs TO run_reader")
    limited = Database(make_dsn(database_url, user="run_reader"), "cvitx-test")
    try:
        text = VideoRunRepository(limited).missing()
        assert text is not None
        assert "GRANT INSERT ON video_runs TO run_reader; GRANT UPDATE" in text
    finally:
        limited.close()
        sql("DROP OWNED BY run_reader; DROP ROLE run_reader")
    sql("DROP TABLE video_runs CASCADE")
    assert runs.missing() == "the database lacks video_runs: run schemas/database.sql"

"""The rows of runs that the video worker writes, with a real PostgreSQL and S3 over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from psycopg2.extensions import make_dsn

from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import TASK, Bench
from video_analysis.worker_utils.db import image_analyses, videos
from video_analysis.worker_utils.db.access import PRIVILEGES
from video_analysis.worker_utils.db.run_types import RunStart, RunState
from video_analysis.worker_utils.db.video_runs import VideoRunRepository
from video_analysis.worker_utils.errors import BadVideo, Cancelled, LeaseLost, Paused, Transient
from video_analysis.yolo_worker.runs import progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        yield bench


def request(bench: Bench, requested: str, *, at_vehicle: int = 1) -> None:
    """Let an operator request something when a vehicle is sent."""

    def on_send(message: object) -> None:
        if len(bench.outbox.sent) + 1 == at_vehicle:
            bench.sql("UPDATE video_runs SET requested = %s WHERE status = 'running'", requested)

    bench.outbox.on_send = on_send


def state(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["status"], row["error_code"], row["error_msg"]


def test_a_video_has_one_completed_run_that_its_rows_name(bench: Bench) -> None:
    bench.deliver()
    [run] = bench.runs()
    assert state(run) == ("completed", None, None)
    assert (run["run_type"], run["frames_done"], run["frames_total"], run["vehicles"]) == ("initial", 6, 6, 2)
    assert (run["progress"], run["current_stage"], run["worker"]) == (1.0, "finish", "test:1")
    assert run["config_snapshot"]["stride"] == 1
    assert {(row["run_id"], row["run_key"]) for row in bench.rows()} == {(run["id"], run["run_key"])}
    assert bench.observer.events[-1].fields["run_id"] == run["id"]
    assert len(bench.sql("SELECT * FROM current_image_analyses")) == 2


def test_progress_can_be_read_while_the_video_is_processed(bench: Bench) -> None:
    seen: list[dict[str, Any]] = []
    bench.pipeline.frame_count = 60
    bench.outbox.on_send = lambda message: seen.append(bench.runs()[0])
    bench.deliver()
    assert [run["status"] for run in seen] == ["running", "running"]
    assert [run["frames_total"] for run in seen] == [60, 60]
    assert 0 < seen[0]["frames_done"] <= seen[1]["frames_done"]
    for run in seen:
        assert run["progress"] == pytest.approx(run["frames_done"] / 60)
        assert run["fps"] > 0
        assert run["eta_s"] is not None


def test_a_redelivery_after_a_failure_continues_the_run(bench: Bench) -> None:
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail()
    assert state(bench.runs()[0]) == ("running", "transient", "SQS did not answer")
    bench.outbox.on_send = lambda message: None
    bench.deliver(receive=2)
    [run] = bench.runs()
    assert (*state(run), run["attempts"]) == ("completed", None, None, 2)


def test_a_refused_video_has_a_failed_run_and_the_next_message_retries_it(bench: Bench) -> None:
    bench.pipeline.breaks_at = 4
    assert isinstance(bench.fail(final=True), BadVideo)
    assert state(bench.runs()[0])[:2] == ("failed", "too_long")
    bench.pipeline.breaks_at = None
    bench.deliver(message_id="m-2")
    assert [(run["run_type"], run["status"]) for run in bench.runs()] == [("initial", "failed"), ("retry", "completed")]
    assert bench.runs()[1]["parent_run_id"] == bench.runs()[0]["id"]


def test_a_pause_stops_the_work_and_another_message_resumes_it(bench: Bench) -> None:
    request(bench, "pause")
    assert isinstance(bench.fail(), Paused)
    assert state(bench.runs()[0]) == ("paused", "paused", "paused by an operator")
    assert state(bench.video()) == ("queued", "paused", "paused by an operator")
    assert len(bench.outbox.sent) == 1
    bench.deliver(receive=2)
    assert bench.observer.codes()[-1] == "run.skipped"
    assert (len(bench.outbox.sent), bench.video()["status"]) == (1, "queued")
    bench.deliver(message_id="m-2")
    assert (state(bench.video()), bench.runs()[0]["status"]) == (("done", None, None), "completed")
    assert len(bench.runs()) == 1
    assert len(bench.rows()) == len(bench.objects()) == 2


def test_a_cancellation_stops_the_work_and_another_message_is_a_retry(bench: Bench) -> None:
    request(bench, "cancel")
    assert isinstance(bench.fail(final=True), Cancelled)
    assert state(bench.runs()[0]) == ("cancelled", "cancelled", "cancelled by an operator")
    assert state(bench.video()) == ("error", "cancelled", "cancelled by an operator")
    bench.deliver(receive=2)
    assert bench.video()["status"] == "error"
    bench.deliver(message_id="m-2")
    assert (bench.video()["status"], [run["run_type"] for run in bench.runs()]) == ("done", ["initial", "retry"])


@pytest.mark.parametrize(("requested", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_request_stops_the_last_receive_too(bench: Bench, requested: str, status: str) -> None:
    def on_send(message: object) -> None:
        bench.sql("UPDATE video_runs SET requested = %s", requested)

    bench.outbox.on_send = on_send
    bench.fail(receive=5, final=True)
    assert state(bench.runs()[0])[:2] == (status, status)
    assert bench.video()["error_code"] == status


def test_the_rows_of_run_and_video_change_together(bench: Bench) -> None:
    bench.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';"
        "CREATE TRIGGER refuse BEFORE UPDATE ON videos FOR EACH ROW WHEN (NEW.status = 'queued')"
        " EXECUTE FUNCTION refuse()"
    )
    request(bench, "pause")
    assert not isinstance(bench.fail(), Paused), "the message is not acknowledged"
    assert (bench.runs()[0]["status"], bench.runs()[0]["requested"]) == ("running", "pause")
    bench.sql("DROP TRIGGER refuse ON videos")
    assert isinstance(bench.fail(receive=2), Paused)
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("paused", "queued")


def test_a_pause_that_is_taken_back_before_it_takes_effect_does_not_stop_the_video(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = VideoRunRepository.stop

    def taken_back(self: VideoRunRepository, run_id: str) -> Paused | Cancelled | None:
        bench.sql("UPDATE video_runs SET requested = NULL")
        return stop(self, run_id)

    monkeypatch.setattr(VideoRunRepository, "stop", taken_back)
    request(bench, "pause")
    bench.deliver()
    assert "run.stop_withdrawn" in bench.observer.codes()
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("completed", "done")
    assert len(bench.rows()) == 2


def test_a_superseded_worker_stops_and_acknowledges_nothing(bench: Bench) -> None:
    def supersede(message: object) -> None:
        bench.sql("UPDATE video_runs SET status = 'failed', error_code = 'superseded'")

    bench.outbox.on_send = supersede
    failure = bench.fail()
    assert (type(failure), failure.code) == (LeaseLost, "superseded")
    assert len(bench.outbox.sent) == 1


def test_a_run_that_another_worker_cancelled_at_its_end_is_not_finished(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 60.0)

    def cancel(message: object) -> None:
        bench.sql("UPDATE video_runs SET status = 'cancelled', error_code = 'cancelled'")
        bench.sql("UPDATE videos SET status = 'error', error_code = 'cancelled'")

    bench.outbox.on_send = cancel
    assert isinstance(bench.fail(final=True), Cancelled)
    assert len(bench.outbox.sent) == 2
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("cancelled", "error")


def at_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch, act: Callable[[VideoRunRepository], object]) -> None:
    """Let another worker act after the last check of the one under test, before it writes that it has finished."""
    complete = VideoRunRepository.complete

    def acted(self: VideoRunRepository, *args: Any) -> RunState | None:
        act(self)
        return complete(self, *args)

    monkeypatch.setattr(VideoRunRepository, "complete", acted)


@pytest.mark.parametrize(("requested", "status"), [("pause", "queued"), ("cancel", "error")])
def test_a_run_that_another_worker_stops_after_the_last_check_is_stopped_with_its_video(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, requested: str, status: str
) -> None:
    def stop(runs: VideoRunRepository) -> None:
        bench.sql("UPDATE video_runs SET requested = %s", requested)
        runs.stop(bench.runs()[0]["id"])

    at_the_end(bench, monkeypatch, stop)
    failure = bench.fail(final=True)
    assert isinstance(failure, Paused | Cancelled)
    assert bench.runs()[0]["error_code"] == bench.video()["error_code"] == failure.code
    assert bench.video()["status"] == status


def test_a_run_that_is_superseded_after_the_last_check_does_not_finish_its_video(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = RunStart(video_bench.VIDEO, video_bench.WORKSPACE, "m-2", "new key", {}, "0.1.0", "host:2", is_last=False)
    at_the_end(bench, monkeypatch, lambda runs: runs.start(begun))
    failure = bench.fail()
    assert (type(failure), failure.code) == (LeaseLost, "superseded")
    assert [run["status"] for run in bench.runs()] == ["failed", "running"]
    assert bench.video()["status"] == "processing"


@pytest.mark.parametrize(("table", "status"), [("videos", "done"), ("video_runs", "completed")])
def test_run_and_video_end_together(bench: Bench, table: str, status: str) -> None:
    bench.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';"
        f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} FOR EACH ROW WHEN (NEW.status = '{status}')"
        " EXECUTE FUNCTION refuse()"
    )
    bench.fail()
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("running", "processing")
    bench.sql(f"DROP TRIGGER refuse ON {table}")
    bench.deliver(receive=2)
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("completed", "done")


def test_a_replay_that_a_message_started_changes_the_video_after_a_resume_too(bench: Bench) -> None:
    bench.deliver()
    bench.sql("UPDATE videos SET status = 'queued'")  # the API, before it sends the video again
    bench.sql("UPDATE video_runs SET run_key = 'older settings'")
    request(bench, "pause", at_vehicle=3)
    assert isinstance(bench.fail(message_id="m-2"), Paused)
    run = bench.runs()[1]
    assert (run["run_type"], run["status"], bench.video()["error_code"]) == ("replay", "paused", "paused")
    bench.sql("UPDATE video_runs SET status = 'pending' WHERE id = %s", run["id"])
    message = {"event": "REPLAY_VIDEO", "run_id": run["id"]} | {
        name: TASK[name] for name in ("video_id", "workspace_id")
    }
    bench.deliver(message, message_id="m-3")
    assert (bench.runs()[1]["status"], state(bench.video())) == ("completed", ("done", None, None))


def test_a_run_that_is_finished_while_the_grant_is_withdrawn_is_completed_later(bench: Bench) -> None:
    def withdraw(message: object) -> None:
        bench.sql("ALTER TABLE IF EXISTS video_runs RENAME TO elsewhere")

    bench.outbox.on_send = withdraw
    bench.deliver()
    bench.sql("ALTER TABLE elsewhere RENAME TO video_runs")
    assert (bench.video()["status"], bench.runs()[0]["status"]) == ("done", "running")
    bench.outbox.on_send = lambda message: None
    bench.deliver(message_id="m-2")
    [run] = bench.runs()
    assert (run["status"], run["attempts"], run["message_id"]) == ("completed", 1, "m-1")


def test_a_request_between_two_attempts_stops_the_next_one_before_its_frames(bench: Bench) -> None:
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail()
    bench.sql("UPDATE video_runs SET requested = 'pause'")
    assert isinstance(bench.fail(receive=2), Paused)
    assert len(bench.pipeline.paths) == 1


def test_a_video_whose_cancellation_no_worker_has_read_is_not_processed_with_other_settings(bench: Bench) -> None:
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail()
    bench.sql("UPDATE video_runs SET requested = 'cancel'")
    assert isinstance(bench.fail(TASK | {"frame_stride": 2}, receive=2, final=True), Cancelled)
    assert [run["status"] for run in bench.runs()] == ["cancelled"]
    assert state(bench.video())[:2] == ("error", "cancelled")
    assert len(bench.pipeline.paths) == 1


def test_a_request_that_comes_too_late_changes_nothing(bench: Bench) -> None:
    bench.outbox.on_send = lambda message: None
    bench.deliver()
    bench.sql("UPDATE video_runs SET requested = 'cancel'")
    bench.deliver(receive=2)
    assert (bench.video()["status"], bench.runs()[0]["status"]) == ("done", "completed")


def test_a_progress_row_that_cannot_be_written_is_reported_once_and_fails_nothing(bench: Bench) -> None:
    def drop_column(message: object) -> None:
        bench.sql("ALTER TABLE video_runs DROP COLUMN IF EXISTS fps")

    bench.outbox.on_send = drop_column
    bench.deliver()
    assert bench.video()["status"] == "done"
    assert bench.observer.codes().count("run.progress_failed") == 1
    assert bench.observer.codes().count("run.unavailable") == 1, "the run could not be completed"


def unavailable(bench: Bench) -> list[str]:
    events = [event for event in bench.observer.events if event.code == "run.unavailable"]
    assert {event.level for event in events} <= {logging.WARNING}
    return [event.message for event in events]


def test_without_the_table_one_warning_names_it_and_the_worker_works_as_before(bench: Bench) -> None:
    bench.sql("DROP TABLE video_runs, stage_checkpoints, camera_settings CASCADE")
    bench.worker.probe()
    bench.deliver()
    bench.deliver(TASK | {"frame_stride": 2}, message_id="m-2")
    assert unavailable(bench) == [
        "runs are not recorded, and videos are processed without: the database lacks video_runs: run"
        " schemas/database.sql"
    ]
    assert bench.video()["status"] == "done"
    assert {row["run_id"] for row in bench.rows()} == {None}
    assert bench.observer.codes().count("video.done") == 2


def test_without_a_grant_one_warning_names_it_until_it_is_granted(
    database_url: str, sql: Sql, s3: S3Client, bucket: str
) -> None:
    sql("CREATE ROLE worker_without_runs LOGIN")
    for access in (videos.ACCESS, image_analyses.CLAIM_ACCESS):
        for privilege in PRIVILEGES:
            if names := access.columns(privilege):
                sql(f"GRANT {privilege} ({', '.join(names)}) ON {access.name} TO worker_without_runs")
    url = make_dsn(database_url, user="worker_without_runs")
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1, worker_url=url) as bench:
        bench.worker.probe()
        bench.deliver()
        bench.deliver(message_id="m-2")
        [text] = unavailable(bench)
        assert "GRANT SELECT ON video_runs TO worker_without_runs; GRANT INSERT" in text
        sql("GRANT SELECT, INSERT, UPDATE ON video_runs TO worker_without_runs")
        bench.deliver(message_id="m-3")
        assert [run["status"] for run in bench.runs()] == ["completed"]
        assert len(unavailable(bench)) == 1
    sql("DROP OWNED BY worker_without_runs; DROP ROLE worker_without_runs")

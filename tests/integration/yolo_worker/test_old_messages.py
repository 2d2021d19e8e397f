"""The failure of a message is written into its run and video only while both are in its hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import TASK, Bench, Sql
from video_analysis.worker_utils.db.camera_settings import CameraSettingsRepository
from video_analysis.worker_utils.db.run_types import StoredRun
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLUMNS = "status, error_code, error_msg"


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("video_analysis.yolo_worker.runs.progress.EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        yield bench


def stopped(bench: Bench, requested: str) -> None:
    """The run of m-1, paused or cancelled while its first vehicle was sent."""

    def request(message: object) -> None:
        bench.sql("UPDATE video_runs SET requested = %s", requested)

    bench.outbox.on_send = request
    bench.fail()
    bench.outbox.on_send = lambda message: None


def paused(bench: Bench) -> None:
    stopped(bench, "pause")


def cancelled(bench: Bench) -> None:
    stopped(bench, "cancel")


def resumed(bench: Bench) -> None:
    """The run is pending: its REPLAY_VIDEO was not received yet."""
    paused(bench)
    bench.sql("UPDATE video_runs SET status = 'pending', error_code = NULL, error_msg = NULL")


def of_another_message(bench: Bench) -> None:
    """The run of m-1, which m-2 has continued."""
    for message_id in ("m-1", "m-2"):
        interrupted(bench, message_id)


def superseded(bench: Bench) -> None:
    """The run of m-1, in whose place that of m-2 is processed."""
    interrupted(bench, "m-1")
    interrupted(bench, "m-2", TASK | {"frame_stride": 2})


def retried(bench: Bench) -> None:
    """The run of m-1 has failed, and a retry is processed."""
    bench.pipeline.breaks_at = 1
    bench.fail(final=True)
    bench.pipeline.breaks_at = None
    interrupted(bench, "m-2")


def interrupted(bench: Bench, message_id: str, task: dict[str, object] = TASK) -> None:
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail(task, message_id=message_id)
    bench.outbox.on_send = lambda message: None


def shown(bench: Bench) -> list[dict[str, Any]]:
    runs = bench.sql(f"SELECT {COLUMNS} FROM video_runs ORDER BY created_at")
    return runs + bench.sql(f"SELECT {COLUMNS} FROM videos")


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("begin", [paused, cancelled, resumed, of_another_message, superseded, retried])
def test_an_old_message_that_fails_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Bench], None], *, final: bool
) -> None:
    begin(bench)
    before = shown(bench)

    def busy(*_: object) -> StoredRun:
        raise Transient("the database is busy", code="database_busy")

    with monkeypatch.context() as patch:
        patch.setattr(CameraSettingsRepository, "overrides", busy)
        bench.fail(receive=5 if final else 2, final=final)
    assert shown(bench) == before


def test_the_message_that_resumes_a_run_ends_it(bench: Bench) -> None:
    resumed(bench)
    bench.sql("UPDATE videos SET workspace_code = 'no code'")
    [run] = bench.runs()
    message = {"event": "REPLAY_VIDEO", "run_id": run["id"]} | {
        name: TASK[name] for name in ("video_id", "workspace_id")
    }
    bench.fail(message, message_id="m-2", final=True)
    assert [row["status"] for row in shown(bench)] == ["failed", "error"]


def test_a_new_message_that_fails_before_it_has_a_run_is_shown_in_the_row_of_the_video(bench: Bench) -> None:
    bench.fail(TASK | {"camera_code": "no code"}, final=True)
    assert (bench.runs(), bench.video()["status"]) == ([], "error")

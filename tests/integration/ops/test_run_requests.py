"""Requests on runs that no worker processes: their message is gone, or their worker has crashed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.ops import run_rows, runs
from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import TASK, Bench, Sql
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LONG_AGO = "UPDATE video_runs SET updated_at = now() - interval '1 hour'"
Ops = Callable[..., tuple[int, str]]


class Died(BaseException):
    """The worker process ends."""


@pytest.fixture
def bench(
    database_url: str, sql: Sql, s3: S3Client, bucket: str, ops_queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setattr("video_analysis.yolo_worker.runs.progress.EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        yield bench


@pytest.fixture
def ops(capsys: pytest.CaptureFixture[str]) -> Ops:
    """(exit status, text) of a command."""

    def run(*arguments: str) -> tuple[int, str]:
        status = runs.main(arguments)
        found = capsys.readouterr()
        return status, found.err if status else found.out

    return run


def interrupted(bench: Bench, *, receive: int = 1) -> str:
    """A run whose worker died while it sent the first vehicle. Returns its id."""

    def die(message: object) -> None:
        raise Died

    bench.outbox.on_send = die
    with pytest.raises(Died):
        bench.deliver(receive=receive)
    bench.outbox.on_send = lambda message: None
    return str(bench.runs()[0]["id"])


def state(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["status"], row["requested"], row["error_code"]


def test_a_run_is_idle_after_the_longest_time_between_two_receives() -> None:
    config = WorkerConfig(visibility_timeout_s=600, transient_delays_s=(10, 1000), missing_delays_s=(5,))
    assert run_rows.longest_silence_s(config) == 600 + 1250


@pytest.mark.parametrize("receive", [1, 5])
def test_a_run_that_no_worker_processes_is_cancelled_at_once(bench: Bench, ops: Ops, receive: int) -> None:
    run_id = interrupted(bench, receive=receive)
    assert "cancel is requested" in ops("cancel", run_id)[1]
    bench.sql(LONG_AGO)
    for _ in range(2):
        assert ops("cancel", run_id) == (0, f"{run_id}: cancelled\n")
    assert state(bench.runs()[0]) == ("cancelled", None, "cancelled")
    assert (bench.video()["status"], bench.video()["error_code"]) == ("error", "cancelled")
    bench.deliver(message_id="m-2")
    assert [run["status"] for run in bench.runs()] == ["cancelled", "completed"]


def test_a_request_does_not_hide_that_no_worker_writes_to_the_run(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench)
    bench.sql("UPDATE video_runs SET updated_at = now() - interval '2 minutes'")
    before = bench.runs()[0]["updated_at"]
    ops("pause", run_id)
    assert (bench.runs()[0]["requested"], bench.runs()[0]["updated_at"]) == ("pause", before)


def test_a_run_whose_message_is_gone_is_paused_and_resumed(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench)
    bench.sql(LONG_AGO)
    status, why = ops("resume", run_id)
    assert status == 2
    assert f"`runs pause {run_id}` and then `runs resume {run_id}` send a new one" in why
    assert ops("pause", run_id) == (0, f"{run_id}: paused\n")
    assert (bench.video()["status"], bench.video()["error_code"]) == ("queued", "paused")
    assert ops("resume", run_id) == (0, f"{run_id}: pending\n")
    message = {"event": "REPLAY_VIDEO", "run_id": run_id} | {name: TASK[name] for name in ("video_id", "workspace_id")}
    bench.deliver(message, message_id="m-2")
    assert (bench.runs()[0]["status"], bench.video()["status"]) == ("completed", "done")


def test_a_running_run_is_resumed_without_a_change(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench)
    assert ops("resume", run_id) == (0, f"{run_id}: running\n")


@pytest.mark.parametrize("is_idle", [False, True])
def test_a_run_that_crashed_at_its_last_receive_is_not_resumed(bench: Bench, ops: Ops, *, is_idle: bool) -> None:
    run_id = interrupted(bench, receive=5)
    if is_idle:
        bench.sql(LONG_AGO)
    status, why = ops("resume", run_id)
    assert (status, "send its video again, which begins a retry" in why) == (2, True)
    assert state(bench.runs()[0]) == ("failed", None, "crashed")


def test_a_run_in_whose_place_a_retry_is_processed_is_not_changed(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench, receive=5)
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail(message_id="m-2")
    before = bench.runs(), bench.video()
    bench.sql(LONG_AGO)
    for command in ("pause", "cancel", "resume"):
        status, why = ops(command, run_id)
        assert (status, f"`runs tree {run_id}` shows it" in why) == (2, True)
    assert ([state(run) for run in bench.runs()], bench.video()) == ([state(run) for run in before[0]], before[1])


def test_a_video_that_is_sent_after_a_cancellation_that_no_worker_read_is_processed(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench)
    ops("cancel", run_id)
    bench.deliver(message_id="m-2")
    assert [run["status"] for run in bench.runs()] == ["cancelled", "completed"]
    assert bench.video()["status"] == "done"


def test_the_running_runs_include_the_one_in_its_last_receive(bench: Bench, ops: Ops) -> None:
    run_id = interrupted(bench, receive=5)
    assert run_id in ops("list", "--status", "running")[1]
    bench.sql(LONG_AGO)
    assert ops("list", "--status", "running") == (0, "no such runs\n")
    assert run_id in ops("list", "--status", "failed")[1]

"""`send --watch` reports the end of the message that it sent, never that of an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from video_analysis.ops import send, sent_message, watch
from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import VIDEO, WORKSPACE, Bench, Sql

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.slow

SEND = ("--video-id", VIDEO, "--workspace-id", WORKSPACE, "--watch")
LIMIT = ("--timeout", "0.000001")


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, ops_queue_url: str) -> Iterator[Bench]:
    with video_bench.opened(database_url, sql, s3, bucket, 1) as bench:
        yield bench


def instead_of_waiting(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Each wait of `watch` runs the next step; after the last one nothing happens."""
    waiting: Iterator[Callable[[], object]] = chain(steps, repeat(dict))
    monkeypatch.setattr(watch, "sleep", lambda _: next(waiting)())


def complete(bench: Bench) -> None:
    """A completed run, of which every snapshot is classified."""
    bench.deliver()
    bench.sql("UPDATE image_analyses SET status = 'done'")
    bench.sql(
        "INSERT INTO image_analysis_results (analysis_id, variant, checkpoint, evidence, assets, latency_ms,"
        " memory_usage) SELECT id, 'baseline', 'm@1', '{}', '{}', 1, 1 FROM image_analyses"
    )


def take(sqs: SQSClient, url: str) -> None:
    """Receive the message and delete it, as a worker that has repeated a completed run."""
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize("status", ["completed", "paused", "failed", "cancelled"])
def test_an_earlier_run_is_no_end_while_no_worker_has_begun_the_message(
    status: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(bench)
    bench.sql("UPDATE video_runs SET status = %s", status)
    assert send.main([*SEND, *LIMIT]) == 1
    found = capsys.readouterr()
    assert f"sent; no row shows that a worker has begun it; before: {status}" in found.out
    assert "no row shows that a worker has begun the message: `ops queues`" in found.err


def test_without_runs_the_earlier_status_of_the_video_is_no_end(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(bench)
    bench.sql("DROP TABLE video_runs CASCADE")
    assert send.main([*SEND, *LIMIT, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (shown["video_status"], shown["waiting"], shown["end"]) == ("done", True, None)


def test_a_new_attempt_is_followed_to_its_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(bench)
    bench.sql("UPDATE video_runs SET status = 'paused'")
    instead_of_waiting(monkeypatch, lambda: bench.deliver(message_id="m-2"))
    assert send.main([*SEND, "--json"]) == 0
    _, before, after = map(json.loads, capsys.readouterr().out.splitlines())
    assert (before["waiting"], after["waiting"], after["end"]) == (True, False, "done")
    assert after["run"]["attempts"] == 2


def test_a_repeat_that_changes_no_row_ends_when_its_message_has_left_the_queue(
    bench: Bench,
    sqs: SQSClient,
    ops_queue_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    complete(bench)
    instead_of_waiting(monkeypatch, lambda: bench.deliver(message_id="m-2"), lambda: take(sqs, ops_queue_url))
    assert send.main(SEND) == 0
    assert "the results stay as they are" in capsys.readouterr().err


def test_a_message_that_becomes_a_dead_letter_is_no_success(
    bench: Bench, sqs: SQSClient, ops_queue_url: str, queue_name: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    dead = sqs.get_queue_url(QueueName=f"{queue_name}-dlq")["QueueUrl"]
    complete(bench)
    instead_of_waiting(
        monkeypatch,
        lambda: take(sqs, ops_queue_url),
        lambda: sqs.send_message(QueueUrl=dead, MessageBody="{}"),
    )
    assert send.main(SEND) == 1
    assert "`ops dlq list`" in capsys.readouterr().err


def test_an_empty_queue_counts_only_after_a_minute() -> None:
    depths = iter([(1, 0), *repeat((0, 0), sent_message.EMPTY_READS - 1), (1, 0), *repeat((0, 0), 60)])
    sent = sent_message.SentMessage(None, lambda: next(depths))  # type: ignore[arg-type]
    reads = [sent.has_left_queue() for _ in range(2 * sent_message.EMPTY_READS)]
    assert reads == [*repeat(False, 2 * sent_message.EMPTY_READS - 1), True]


def test_without_the_permission_to_count_messages_the_rows_decide_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(bench)
    monkeypatch.setattr(sent_message, "depths_of", lambda _: lambda: None)
    monkeypatch.setattr(send, "depths_of", lambda _: lambda: None)
    assert send.main([*SEND, *LIMIT]) == 1


def test_a_message_without_a_row_in_videos_is_named(ops_queue_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert send.main([*SEND, *LIMIT]) == 1
    found = capsys.readouterr()
    assert "sent; the database has no row of this video yet" in found.out


@pytest.mark.parametrize(
    ("change", "waits_for"),
    [
        ("UPDATE video_runs SET status = 'pending'", "no worker has begun the video: `ops queues`"),
        ("UPDATE video_runs SET status = 'running'", "the video is still being processed"),
        ("UPDATE image_analyses SET status = 'queued'", "2 of 2 snapshots wait for main_worker"),
    ],
)
def test_a_time_limit_names_what_the_video_waits_for(
    change: str, waits_for: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(bench)
    bench.sql("DELETE FROM image_analysis_results")
    bench.sql(change)
    assert watch.main([VIDEO, *LIMIT]) == 1
    assert waits_for in capsys.readouterr().err


def test_json_has_one_object_per_change_of_the_rows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(bench)
    change = "UPDATE video_runs SET status = 'running', current_stage = 'detect', frames_done = {}"
    bench.sql(change.format(1))
    end = "UPDATE video_runs SET status = 'completed'"
    instead_of_waiting(
        monkeypatch, *[lambda: None] * 3, lambda: bench.sql(change.format(2)), lambda: None, lambda: bench.sql(end)
    )
    assert watch.main([VIDEO, "--json"]) == 0
    runs = [json.loads(line)["run"] for line in capsys.readouterr().out.splitlines()]
    assert [(run["current_stage"], run["frames_done"]) for run in runs] == [("detect", 1), ("detect", 2), ("detect", 2)]

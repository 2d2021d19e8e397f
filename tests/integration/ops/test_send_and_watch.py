"""Operators send a video and watch it; the worker processes it in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from video_analysis.ops import live_output, send, watch
from video_analysis.ops.live_output import Shown
from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import KEY, TASK, VIDEO, WORKSPACE, Bench, Sql
from video_analysis.worker_utils.contracts import messages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

IDS = ("--video-id", VIDEO, "--workspace-id", WORKSPACE)
CODES = ("--workspace-code", "CTX1005", "--camera-code", "CAM1")
CONTENT = b"bytes of a clip"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, ops_queue_url: str) -> Iterator[Bench]:
    with video_bench.opened(database_url, sql, s3, bucket, 1) as bench:
        yield bench


def sent(sqs: SQSClient, queue_url: str) -> list[str]:
    """The bodies in the queue."""
    received = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    return [one["Body"] for one in received]


def instead_of_waiting(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Each wait of `watch` runs the next step."""
    waiting = iter(steps)
    monkeypatch.setattr(watch, "sleep", lambda _: next(waiting)())


def classify(sql: Sql) -> None:
    """Do stage 2's part."""
    sql("UPDATE image_analyses SET status = 'done'")
    sql(
        "INSERT INTO image_analysis_results (analysis_id, variant, checkpoint, evidence, assets, latency_ms,"
        " memory_usage) SELECT id, 'baseline', 'm@1', '{}', '{}', 1, 1 FROM image_analyses"
    )


def test_a_file_is_uploaded_and_its_message_is_sent(
    clip: Path, s3: S3Client, sqs: SQSClient, bucket: str, ops_queue_url: str
) -> None:
    for _ in range(2):  # the command can be repeated
        assert send.main([*IDS, *CODES, "--upload", str(clip)]) == 0
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == CONTENT
    first, second = sent(sqs, ops_queue_url)
    assert first == second
    task = messages.parse_video_task(first)
    assert isinstance(task, messages.ProcessVideo)
    assert (task.s3_key_raw, task.frame_stride, task.recordedAt) == (KEY, 3, None)


def test_without_a_file_the_row_names_the_object(sqs: SQSClient, ops_queue_url: str) -> None:
    assert send.main(IDS) == 0
    (body,) = sent(sqs, ops_queue_url)
    assert messages.parse_video_task(body) == messages.ProcessVideoDb(video_id=VIDEO, workspace_id=WORKSPACE)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--workspace-code", "CTX1005", "--camera-code", "CAM"), "camera_code"),
        ((*CODES, "--recorded-at", "2026-03-01T08:00:00"), "recordedAt"),
        ((*CODES, "--stride", "0"), "frame_stride"),
    ],
)
def test_what_the_contract_refuses_is_neither_uploaded_nor_sent(
    arguments: tuple[str, ...], named: str, clip: Path, s3: S3Client, sqs: SQSClient, bucket: str, ops_queue_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert send.main([*IDS, *arguments, "--upload", str(clip)]) == 2
    assert named in capsys.readouterr().err
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert sent(sqs, ops_queue_url) == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("absent.mp4", None, "No such file"), ("empty.mp4", b"", "the file is empty"), ("clip.avi", b"x", "s3_key_raw")],
)
def test_a_file_that_cannot_be_a_video_is_refused(
    name: str, content: bytes | None, reason: str, tmp_path: Path, ops_queue_url: str, sqs: SQSClient,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert send.main([*IDS, *CODES, "--upload", str(tmp_path / name)]) == 2
    assert reason in capsys.readouterr().err
    assert sent(sqs, ops_queue_url) == []


def test_a_missing_bucket_is_named_with_the_permission(
    clip: Path, ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CVITX_S3_BUCKET", "there-is-no-such-bucket")
    assert send.main([*IDS, *CODES, "--upload", str(clip)]) == 2
    found = capsys.readouterr().err
    assert "s3:PutObject on s3://there-is-no-such-bucket/" in found
    assert "NoSuchBucket" in found


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--upload", "clip.mp4"), "--workspace-code and --camera-code"), (("--stride", "1"), "--stride")],
)
def test_options_that_do_not_fit_together_are_named(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        send.main([*IDS, *arguments])
    assert named in capsys.readouterr().err


def test_a_dry_run_prints_the_message_and_sends_nothing(
    clip: Path, sqs: SQSClient, ops_queue_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send.main([*IDS, *CODES, "--upload", str(clip), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["s3_key_raw"] == KEY
    assert sent(sqs, ops_queue_url) == []


def test_a_video_is_watched_until_its_snapshots_are_classified(
    bench: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instead_of_waiting(monkeypatch, bench.deliver, lambda: classify(sql))
    assert watch.main([VIDEO, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["snapshots"], line["classified"], line["end"]) for line in lines] == [
        (0, 0, None),
        (2, 0, None),
        (2, 2, "done"),
    ]
    assert lines[-1]["run"]["status"] == "completed"


def test_without_a_terminal_a_line_is_printed_per_change_of_state(
    bench: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instead_of_waiting(monkeypatch, lambda: None, bench.deliver, lambda: None, lambda: classify(sql))
    assert watch.main([VIDEO]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "video queued, 0 vehicles, 0 classified"
    assert second.startswith("completed, ")
    assert second.endswith("frames, 2 vehicles, 0 classified")
    assert third.endswith("2 vehicles, 2 classified")


def test_a_failed_snapshot_is_an_end_with_status_1(bench: Bench, sql: Sql, capsys: pytest.CaptureFixture[str]) -> None:
    bench.deliver()
    classify(sql)
    sql("DELETE FROM image_analysis_results WHERE analysis_id = (SELECT id FROM image_analyses WHERE track_id = 1)")
    sql("UPDATE image_analyses SET status = 'error' WHERE track_id = 1")
    assert watch.main([VIDEO]) == 1
    found = capsys.readouterr()
    assert "1 classified, 1 failed" in found.out
    assert "docs/error-codes.md" in found.err


def test_after_a_failure_a_sent_video_is_watched_until_its_next_run(
    bench: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.fail({**TASK, "camera_code": "CAM1", "s3_key_raw": KEY.replace("clip", "absent")}, final=True)
    assert watch.main([VIDEO]) == 1
    assert "ended with error" in capsys.readouterr().err
    instead_of_waiting(monkeypatch, lambda: bench.deliver(message_id="m-2"), lambda: classify(sql))
    assert send.main([*IDS, "--watch", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["event"] == "sent"
    assert lines[-1]["run"]["run_type"] == "retry"


def test_a_paused_run_is_an_end_that_names_how_to_continue(
    bench: Bench, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deliver()
    sql("UPDATE video_runs SET status = 'paused'")
    assert watch.main([VIDEO]) == 1
    assert f"runs resume {bench.runs()[0]['id']}" in capsys.readouterr().err


def test_a_run_in_its_last_attempt_has_not_ended(
    bench: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deliver()
    classify(sql)
    sql("UPDATE video_runs SET status = 'failed', error_code = 'crashed', updated_at = now()")
    later = "UPDATE video_runs SET updated_at = now() - interval '10 minutes'"
    instead_of_waiting(monkeypatch, lambda: sql(later))
    assert watch.main([VIDEO, "--json"]) == 1
    ends = [json.loads(line)["end"] for line in capsys.readouterr().out.splitlines()]
    assert ends == [None, "error"]


def test_without_grants_on_runs_the_other_tables_are_shown(
    bench: Bench, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deliver()
    sql("DROP VIEW analysis_progress, current_image_analyses")
    sql("DROP TABLE video_runs")
    sql("UPDATE image_analyses SET status = 'done'")
    assert watch.main([VIDEO]) == 0
    assert capsys.readouterr().out == "video done, 2 vehicles, 2 classified\n"


def test_without_a_run_the_vehicles_of_one_run_key_are_counted(
    bench: Bench, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deliver()
    bench.deliver({**TASK, "frame_stride": 2}, message_id="m-2")
    sql("UPDATE image_analyses SET status = 'done', run_id = NULL")
    sql("DELETE FROM video_runs")
    assert len(bench.rows()) == 4
    assert watch.main([VIDEO]) == 0
    assert capsys.readouterr().out == "video done, 2 vehicles, 2 classified\n"


def test_a_time_limit_ends_it_with_status_1(
    ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instead_of_waiting(monkeypatch, lambda: None)
    assert watch.main([VIDEO, "--timeout", "0.000001"]) == 1
    found = capsys.readouterr()
    assert found.out == "the database has no row of this video yet\n"
    assert "not ended after 1e-06 s; the database has no row of this video yet: no worker has received it" in found.err
    assert "still being processed" not in found.err


SHOWN = Shown("12 of 40 frames", {}, {"frames": 0.3}, "running")


@pytest.mark.parametrize("has_rich", [True, False])
def test_on_a_terminal_the_state_is_rewritten_with_and_without_rich(
    has_rich: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(live_output, "has_rich", lambda: has_rich)
    with live_output.opened(as_json=False) as output:
        output.show(SHOWN)
    printed = capsys.readouterr().out
    assert SHOWN.text in printed
    assert ("30%" in printed) == has_rich

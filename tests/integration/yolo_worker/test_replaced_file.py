"""A raw file that is replaced by another one: all vehicles of the new file are found, and only these are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import TASK, Bench, Sql
from video_analysis.worker_utils.errors import Cancelled, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OLD, NEW = ((11, 1, 1), (12, 2, 2), (13, 3, 5)), ((21, 1, 3), (22, 2, 4))


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("video_analysis.yolo_worker.runs.progress.EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        bench.pipeline.vehicles = OLD
        yield bench


def interrupt(bench: Bench, at_track: int, receive: int = 1) -> None:
    """Two vehicles are sent and classified, unless `at_track` is earlier; then the attempt fails."""

    def on_send(message: Any) -> None:
        if message.track_id == at_track:
            raise Transient("SQS did not answer")

    bench.outbox.on_send = on_send
    bench.fail(receive=receive)
    bench.outbox.on_send = lambda message: None
    bench.sql("UPDATE image_analyses SET status = 'done' WHERE track_id < %s", at_track)


def replace(bench: Bench, content: bytes, vehicles: tuple[tuple[int, int, int], ...]) -> None:
    bench.s3.put_object(Bucket=bench.bucket, Key=video_bench.KEY, Body=content)
    bench.pipeline.vehicles = vehicles


def shown(bench: Bench) -> list[tuple[int, int]]:
    """(track, frame) of what a UI shows."""
    rows = bench.sql("SELECT track_id, detected_in_ms FROM current_image_analyses ORDER BY track_id")
    return [(row["track_id"], row["detected_in_ms"] // 40) for row in rows]


def frames(vehicles: tuple[tuple[int, int, int], ...]) -> list[tuple[int, int]]:
    return [(track_id, last) for _, track_id, last in vehicles]


def runs(bench: Bench) -> list[tuple[Any, ...]]:
    return [(run["run_type"], run["status"], run["error_code"]) for run in bench.runs()]


def test_an_undisturbed_run_keeps_its_key_and_the_identity_of_its_file(bench: Bench) -> None:
    interrupt(bench, 3)
    before = bench.runs()[0]
    bench.deliver(receive=2)
    [run] = bench.runs()
    stored = bench.s3.head_object(Bucket=bench.bucket, Key=video_bench.KEY)
    assert (run["source_etag"], run["source_bytes"]) == (stored["ETag"], stored["ContentLength"])
    assert (run["run_key"], run["status"]) == (before["run_key"], "completed")
    bench.sql("DELETE FROM video_runs; DELETE FROM image_analyses")
    replace(bench, b"another video", OLD)
    bench.deliver(message_id="m-2")
    assert bench.runs()[0]["run_key"] == run["run_key"], "the key of the settings alone"


@pytest.mark.parametrize("receive", [2, 5])
def test_the_vehicles_of_the_new_file_are_sent_after_an_interruption(bench: Bench, receive: int) -> None:
    interrupt(bench, 3)
    replace(bench, b"another video", NEW)
    sent = len(bench.outbox.sent)
    bench.deliver(receive=receive)
    assert [message.track_id for message in bench.outbox.by_track(since=sent)] == [1, 2]
    assert shown(bench) == frames(NEW)
    assert runs(bench) == [("initial", "failed", "superseded"), ("retry", "completed", None)]
    assert bench.runs()[1]["parent_run_id"] == bench.runs()[0]["id"]
    assert bench.video()["status"] == "done"
    assert "run.file_replaced" in bench.observer.codes()
    assert len(bench.rows()) == len(bench.objects())


def test_the_run_of_the_new_file_is_continued(bench: Bench) -> None:
    interrupt(bench, 3)
    replace(bench, b"another video", NEW)
    interrupt(bench, 2, receive=2)
    bench.pipeline.detected.clear()
    bench.deliver(receive=3)
    assert runs(bench) == [("initial", "failed", "superseded"), ("retry", "completed", None)]
    assert (bench.runs()[1]["attempts"], bench.pipeline.detected) == (2, [])
    assert shown(bench) == frames(NEW)


def test_a_completed_video_whose_file_is_replaced_is_replayed_when_it_is_sent_again(bench: Bench) -> None:
    bench.deliver()
    bench.sql("UPDATE image_analyses SET status = 'done'")
    replace(bench, b"another video", NEW)
    for number in (2, 3):
        bench.deliver(message_id=f"m-{number}")
    assert runs(bench) == [("initial", "completed", None), ("replay", "completed", None)]
    assert shown(bench) == frames(NEW)


def test_the_first_file_again_has_its_own_rows_again(bench: Bench) -> None:
    bench.deliver()
    bench.sql("UPDATE image_analyses SET status = 'done'")
    replace(bench, b"another video", NEW)
    bench.deliver(message_id="m-2")
    replace(bench, b"bytes of a video", OLD)
    sent = len(bench.outbox.sent)
    bench.deliver(message_id="m-3")
    assert shown(bench) == frames(OLD)
    assert (len(bench.outbox.sent), len(bench.rows())) == (sent, len(OLD) + len(NEW))


def test_a_retry_after_a_failure_knows_the_file_of_the_run_that_failed(bench: Bench) -> None:
    interrupt(bench, 3)
    bench.sql("UPDATE video_runs SET status = 'failed', error_code = 'transient'")
    replace(bench, b"another video", NEW)
    bench.deliver(message_id="m-2")
    assert runs(bench) == [("initial", "failed", "transient"), ("retry", "completed", None)]
    assert shown(bench) == frames(NEW)
    assert len({run["run_key"] for run in bench.runs()}) == 2


def test_a_run_of_a_row_without_the_columns_is_continued(bench: Bench) -> None:
    interrupt(bench, 3)
    bench.sql("UPDATE video_runs SET source_etag = NULL, source_bytes = NULL")
    bench.deliver(receive=2)
    [run] = bench.runs()
    assert (run["status"], run["source_bytes"]) == ("completed", len(b"bytes of a video"))


def test_the_run_of_the_new_file_is_stopped_by_its_own_request(bench: Bench) -> None:
    interrupt(bench, 3)
    replace(bench, b"another video", NEW)

    def cancel(message: object) -> None:
        bench.sql("UPDATE video_runs SET requested = 'cancel' WHERE status = 'running'")

    bench.outbox.on_send = cancel
    assert isinstance(bench.fail(receive=2, final=True), Cancelled)
    assert [status for _, status, _ in runs(bench)] == ["failed", "cancelled"]


def test_a_replay_that_an_operator_started_has_the_vehicles_of_the_new_file(bench: Bench) -> None:
    bench.deliver()
    bench.sql("UPDATE image_analyses SET status = 'done'")
    bench.sql("UPDATE videos SET frame_stride = 1")
    replace(bench, b"another video", NEW)
    [parent] = bench.runs()
    [replay] = bench.sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_type, parent_run_id, root_run_id, replay_from_stage,"
        " config_overrides) VALUES (%s, %s, 'replay', %s, %s, 'track', '{}') RETURNING id",
        *(video_bench.VIDEO, video_bench.WORKSPACE, parent["id"], parent["id"]),
    )
    ids = {name: TASK[name] for name in ("video_id", "workspace_id")}
    bench.deliver({"event": "REPLAY_VIDEO", "run_id": replay["id"], **ids}, message_id="m-2")
    assert runs(bench) == [("initial", "completed", None), ("replay", "completed", None)]
    assert shown(bench) == frames(NEW)

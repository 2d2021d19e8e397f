"""A video that is sent again with other settings, and with the earlier ones again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import Bench, Sql
from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.errors import Paused, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OLD, NEW = TrackSettings(), TrackSettings(gap_s=2)


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("video_analysis.yolo_worker.runs.progress.EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        bench.deliver()
        bench.pipeline.tracking = NEW
        yield bench


def found(bench: Bench) -> list[tuple[str, str]]:
    return [(run["run_type"], run["status"]) for run in bench.runs()]


def test_the_settings_that_were_replayed_are_the_same_run_from_then_on(bench: Bench) -> None:
    for number in (2, 3, 4):
        bench.deliver(message_id=f"m-{number}")
    assert found(bench) == [("initial", "completed"), ("replay", "completed")]


def test_a_message_joins_the_replay_that_an_earlier_one_began(bench: Bench) -> None:
    bench.outbox.on_send = lambda message: (_ for _ in ()).throw(Transient("SQS did not answer"))
    bench.fail(message_id="m-2")
    bench.outbox.on_send = lambda message: None
    bench.deliver(message_id="m-3")
    assert found(bench) == [("initial", "completed"), ("replay", "completed")]
    assert bench.runs()[1]["message_ids"] == ["m-2", "m-3"]


def test_a_message_resumes_the_replay_that_an_earlier_one_began(bench: Bench) -> None:
    def pause(message: object) -> None:
        bench.sql("UPDATE video_runs SET requested = 'pause' WHERE status = 'running'")

    bench.outbox.on_send = pause
    assert isinstance(bench.fail(message_id="m-2"), Paused)
    bench.outbox.on_send = lambda message: None
    bench.deliver(message_id="m-2", receive=2)
    assert found(bench)[1] == ("replay", "paused"), "a redelivery does not"
    bench.deliver(message_id="m-3")
    assert found(bench) == [("initial", "completed"), ("replay", "completed")]


def test_the_earlier_settings_again_show_their_rows_without_the_networks(bench: Bench) -> None:
    bench.deliver(message_id="m-2")
    bench.sql("UPDATE image_analyses SET status = 'done'")
    bench.pipeline.tracking, sent = OLD, len(bench.outbox.sent)
    bench.pipeline.detected.clear()
    bench.deliver(message_id="m-3")
    first, _, again = bench.runs()
    assert (again["run_type"], again["status"], again["run_key"]) == ("replay", "completed", first["run_key"])
    assert {row["run_key"] for row in bench.sql("SELECT run_key FROM current_image_analyses")} == {first["run_key"]}
    assert (len(bench.outbox.sent), bench.pipeline.detected) == (sent, [])
    assert len(bench.rows()) == len(bench.objects()) == 4
    bench.deliver(message_id="m-4")
    assert len(bench.runs()) == 3

"""One row a vehicle, however often, from however many workers, and whatever frame each of them picked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from video_analysis.worker_utils.contracts.messages import SnapshotReady, YoloType
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import DetectedBox, SnapshotClaim
from video_analysis.worker_utils.errors import EnvironmentFault

Sql = Callable[..., list[dict[str, Any]]]
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
BOX = DetectedBox(100.25, 200, 300, 350.5, 1280, 720)
STORED_BOX = {"x1": 100.25, "y1": 200, "x2": 300, "y2": 350.5, "frame_width": 1280, "frame_height": 720}
OTHER_BOX = DetectedBox(0, 0, 64, 64, 1280, 720)


def snapshot(track_id: int = 305, offset_ms: int = 2272, yolo_type: YoloType = "SUV") -> SnapshotReady:
    uri = SnapshotUri("cvitx-uploads-dev-jdfirme", WORKSPACE, VIDEO, "CTX1005", "CAM1", track_id, offset_ms)
    return SnapshotReady(
        video_id=VIDEO,
        workspace_id=WORKSPACE,
        workspace_code="CTX1005",
        camera_code="CAM1",
        track_id=track_id,
        snapshot_s3_key=str(uri),
        recordedAt=None,
        detectedIn=offset_ms,
        detectedAt=None,
        yolo_type=yolo_type,
    )


@contextmanager
def opened(database_url: str) -> Iterator[ImageAnalysisRepository]:
    database = Database(database_url, "cvitx-test")
    try:
        yield ImageAnalysisRepository(database)
    finally:
        database.close()


@pytest.fixture
def analyses(database_url: str) -> Iterator[ImageAnalysisRepository]:
    with opened(database_url) as analyses:
        yield analyses


def rows(sql: Sql) -> list[dict[str, Any]]:
    """All rows, with `xmin`, which changes with every byte of one."""
    return sql("SELECT xmin::text, * FROM image_analyses ORDER BY track_id, snapshot_s3_key")


def insert(sql: Sql, message: SnapshotReady, run_key: str | None) -> None:
    """A row that somebody else made."""
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, status, run_key) VALUES (%s, %s, 'CTX1005', 'CAM1', %s, %s, %s, %s, 'done', %s)",
        WORKSPACE,
        VIDEO,
        message.track_id,
        message.snapshot_s3_key,
        message.detectedIn,
        message.yolo_type,
        run_key,
    )


def test_a_new_vehicle_gets_a_queued_row_that_says_what_its_message_says(
    analyses: ImageAnalysisRepository, sql: Sql
) -> None:
    message = snapshot().model_copy(
        update={"recordedAt": "2026-01-31T08:30:00+08:00", "detectedAt": "2026-01-31T08:30:02.272+08:00"}
    )
    assert analyses.claim(message, "run", BOX) == SnapshotClaim(message, is_other_frame=False)
    [row] = rows(sql)
    assert row["created_at"] == row["updated_at"]
    for name in ("xmin", "id", "created_at", "updated_at"):
        del row[name]
    assert row == {
        "workspace_id": WORKSPACE,
        "video_id": VIDEO,
        "workspace_code": "CTX1005",
        "camera_code": "CAM1",
        "track_id": 305,
        "snapshot_s3_key": message.snapshot_s3_key,
        "recorded_at": datetime(2026, 1, 31, 0, 30, tzinfo=UTC),
        "detected_in_ms": 2272,
        "detected_at": datetime(2026, 1, 31, 0, 30, 2, 272_000, tzinfo=UTC),
        "yolo_type": "SUV",
        "status": "queued",
        "attempt_state": None,
        "error_code": None,
        "error_msg": None,
        "run_key": "run",
        "detected_box": STORED_BOX,
        "run_id": None,
    }


def test_a_row_names_the_run_that_inserted_it_and_not_a_later_one(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    for run_id in (WORKSPACE, VIDEO):
        analyses.claim(snapshot(), "run", BOX, run_id)
    assert [row["run_id"] for row in rows(sql)] == [WORKSPACE]


def test_a_vehicle_of_unknown_place_has_no_box(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    analyses.claim(snapshot(), "run", None)
    assert [row["detected_box"] for row in rows(sql)] == [None]


def test_a_vehicle_of_unknown_time_has_no_instants(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    analyses.claim(snapshot(), "run", BOX)
    [row] = rows(sql)
    assert (row["recorded_at"], row["detected_at"]) == (None, None)


def test_the_same_call_again_changes_no_byte_in_any_status_of_the_row(
    analyses: ImageAnalysisRepository, sql: Sql
) -> None:
    message = snapshot()
    first = analyses.claim(message, "run", BOX)
    for status in ("queued", "processing", "done", "error"):
        sql("UPDATE image_analyses SET status = %s", status)
        before = rows(sql)
        was_sent = status in ("processing", "done")
        assert analyses.claim(message, "run", BOX) == replace(first, was_sent=was_sent), "an error is sent again"
        assert rows(sql) == before


def test_a_rerun_that_picks_another_frame_adopts_the_row_of_its_track(
    analyses: ImageAnalysisRepository, sql: Sql
) -> None:
    first = analyses.claim(snapshot(offset_ms=2272, yolo_type="SUV"), "run", BOX)
    before = rows(sql)
    adopted = analyses.claim(snapshot(offset_ms=2305, yolo_type="Van"), "run", OTHER_BOX)
    assert adopted == SnapshotClaim(first.message, is_other_frame=True)
    assert rows(sql) == before


def test_an_operators_row_with_the_very_same_picture_becomes_this_run_s(
    analyses: ImageAnalysisRepository, sql: Sql
) -> None:
    message = snapshot(yolo_type="SUV")
    insert(sql, snapshot(yolo_type="Car"), None)
    [before] = rows(sql)
    theirs = SnapshotClaim(snapshot(yolo_type="Car"), is_other_frame=False, was_sent=True)
    assert analyses.claim(message, "run", BOX) == theirs
    [after] = rows(sql)
    assert after["run_key"] == "run"
    assert after["detected_box"] == STORED_BOX
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"run_key", "detected_box", "updated_at", "xmin"}
    assert analyses.claim(message, "run", BOX) == theirs
    assert rows(sql) == [after]


def test_the_row_of_the_track_comes_before_the_row_of_the_picture(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    mine, same_picture = snapshot(offset_ms=1000), snapshot(offset_ms=2272)
    insert(sql, mine, "run")
    insert(sql, same_picture, None)
    before = rows(sql)
    assert analyses.claim(same_picture, "run", BOX) == SnapshotClaim(mine, is_other_frame=True, was_sent=True)
    assert rows(sql) == before


def test_other_runs_and_other_tracks_have_rows_of_their_own(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    analyses.claim(snapshot(track_id=1, offset_ms=0), "run", BOX)
    analyses.claim(snapshot(track_id=2, offset_ms=0), "run", BOX)
    analyses.claim(snapshot(track_id=1, offset_ms=40), "another run", BOX)
    assert len(rows(sql)) == 3


def test_two_workers_at_once_make_one_row_and_agree_on_it(database_url: str, sql: Sql) -> None:
    together = threading.Barrier(2)

    def work(offset_ms: int) -> list[str]:
        with opened(database_url) as analyses:
            analyses.claim(snapshot(999, offset_ms), f"warm-up {offset_ms}", BOX)
            together.wait(60)
            claims = [analyses.claim(snapshot(track, offset_ms), "run", BOX) for track in range(1, 31)]
            return [claim.message.snapshot_s3_key for claim in claims]

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(work, (1000, 2000))
    assert first == second
    assert len(rows(sql)) == 32


@contextmanager
def another_writer(database_url: str, message: SnapshotReady) -> Iterator[psycopg2.extensions.connection]:
    """A connection that has inserted `message` for the run and not committed it."""
    connection = psycopg2.connect(database_url)

    def uncommitted(statement: str, *values: object) -> list[dict[str, Any]]:
        connection.cursor().execute(statement, values)
        return []

    try:
        insert(uncommitted, message, "run")
        yield connection
    finally:
        connection.close()


def wait_until_blocked(sql: Sql) -> None:
    """Return as soon as somebody waits for a lock."""
    for _ in range(10_000):
        if sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"):
            return
    pytest.fail("nobody waits for the other writer")


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_writer_in_the_middle_is_waited_for_and_its_row_adopted_if_it_stays(
    database_url: str, sql: Sql, ends: str
) -> None:
    theirs, ours = snapshot(offset_ms=1000), snapshot(offset_ms=2272)
    with another_writer(database_url, theirs) as other, ThreadPoolExecutor() as pool, opened(database_url) as analyses:
        queued = pool.submit(analyses.claim, ours, "run", BOX)
        wait_until_blocked(sql)
        getattr(other, ends)()
        expected = theirs if ends == "commit" else ours
        assert queued.result().message.snapshot_s3_key == expected.snapshot_s3_key
    assert [row["snapshot_s3_key"] for row in rows(sql)] == [expected.snapshot_s3_key]


def test_a_track_s_row_that_appears_during_the_adoption_of_a_picture_wins(database_url: str, sql: Sql) -> None:
    theirs, ours = snapshot(offset_ms=1000), snapshot(offset_ms=2272)
    insert(sql, ours, None)
    with another_writer(database_url, theirs) as other, ThreadPoolExecutor() as pool, opened(database_url) as analyses:
        queued = pool.submit(analyses.claim, ours, "run", BOX)
        wait_until_blocked(sql)
        other.commit()
        assert queued.result().message.snapshot_s3_key == theirs.snapshot_s3_key
    assert [(row["snapshot_s3_key"], row["run_key"]) for row in rows(sql)] == [
        (theirs.snapshot_s3_key, "run"),
        (ours.snapshot_s3_key, None),
    ]


def test_another_runs_row_with_the_same_name_is_left_to_it_and_the_next_free_millisecond_taken(
    analyses: ImageAnalysisRepository, sql: Sql
) -> None:
    for offset_ms in (2272, 2273):
        insert(sql, snapshot(offset_ms=offset_ms, yolo_type="Car"), f"another run {offset_ms}")
    before = rows(sql)
    claim = analyses.claim(snapshot(offset_ms=2272, yolo_type="SUV"), "run", BOX)
    assert claim == SnapshotClaim(snapshot(offset_ms=2274, yolo_type="SUV"), is_other_frame=False)
    assert [row for row in rows(sql) if row["run_key"] != "run"] == before
    again = analyses.claim(snapshot(offset_ms=2272, yolo_type="SUV"), "run", BOX)
    assert again.message == claim.message


def test_a_claim_is_one_transaction(analyses: ImageAnalysisRepository, sql: Sql) -> None:
    insert(sql, snapshot(offset_ms=2272), "another run")
    begun = sql("SELECT pg_current_xact_id()::text::bigint AS xid")[0]["xid"]
    analyses.claim(snapshot(offset_ms=2272), "run", BOX)
    ended = sql("SELECT pg_current_xact_id()::text::bigint AS xid")[0]["xid"]
    assert ended - begun == 2


@pytest.mark.parametrize(
    ("status", "code", "written"),
    [
        ("queued", None, "send_denied"),
        ("queued", "send_denied", "send_denied"),
        ("processing", "interrupted", "interrupted"),
        ("error", "not_a_jpeg", "not_a_jpeg"),
    ],
)
def test_a_refused_send_is_written_into_queued_rows_only(
    analyses: ImageAnalysisRepository, sql: Sql, status: str, code: str | None, written: str
) -> None:
    claimed = analyses.claim(snapshot(), "run", BOX).message.snapshot_s3_key
    sql("UPDATE image_analyses SET status = %s, error_code = %s, attempt_state = 'retry_alone'", status, code)
    refusal = EnvironmentFault("not sent yet: sqs:SendMessage is denied", code="send_denied")
    analyses.mark_send_denied(claimed, refusal)
    (row,) = rows(sql)
    state = None if status == "queued" else "retry_alone"
    assert (row["status"], row["error_code"], row["attempt_state"]) == (status, written, state)
    analyses.mark_sent(claimed)
    (row,) = rows(sql)
    assert row["error_code"] == (None if written == "send_denied" else written)

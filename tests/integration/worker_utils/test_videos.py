"""The row of a video: what each attempt, its end and its failure write, and what stays unchanged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from video_analysis.tests.support.video_task import KEY, OTHER, TASK, VIDEO, WORKSPACE
from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.contracts.messages import (
    IncompleteTask,
    PartialProcessVideo,
    ProcessVideoDb,
)
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.attempt_status import DIED_EVERY_TIME, LAST_ATTEMPT
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import BadMessage, BadVideo, EnvironmentFault, Interrupted, Permanent, Transient

Sql = Callable[..., list[dict[str, Any]]]
Columns = tuple[str, str | None, str | None, str | None]
RECOVERY = ("status", "attempt_state", "error_code", "error_msg")
PROCESSING: Columns = ("processing", None, None, None)
LAST: Columns = ("error", "last_attempt", None, LAST_ATTEMPT)
CRASHED: Columns = ("error", "crashed", "crashed", DIED_EVERY_TIME)
SLOW = (None, "transient", "S3 was slow")
SHORT = ProcessVideoDb(video_id=VIDEO, workspace_id=WORKSPACE)


@pytest.fixture
def videos(database_url: str) -> Iterator[VideoRepository]:
    database = Database(database_url, "cvitx-test", write_probe.stage_one)
    yield VideoRepository(database)
    database.close()


def insert(sql: Sql, **changes: object) -> None:
    row = {
        "id": VIDEO,
        "workspace_id": WORKSPACE,
        "workspace_code": "CTX1005",
        "camera_code": "CAM1",
        "s3_key_raw": KEY,
        "frame_stride": 3,
        "status": "uploaded",
    } | changes
    sql(f"INSERT INTO videos ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())


def columns_of(row: dict[str, Any]) -> Columns:
    """What recovery reads and writes."""
    return row["status"], row["attempt_state"], row["error_code"], row["error_msg"]


def row_of(sql: Sql) -> dict[str, Any]:
    """The row, with `xmin`, which changes with every byte of it."""
    [row] = sql("SELECT xmin::text, * FROM videos")
    return row


@pytest.mark.parametrize(
    ("found", "receive_count", "is_last", "expected"),
    [
        (("uploaded", None, None, None), 1, False, PROCESSING),
        (("queued", None, None, None), 1, False, PROCESSING),
        (PROCESSING, 1, False, PROCESSING),
        (("error", None, "bad_video", "an earlier life's"), 1, False, PROCESSING),
        (("error", "crashed", "crashed", DIED_EVERY_TIME), 1, False, PROCESSING),
        (("processing", *SLOW), 3, False, ("processing", *SLOW)),
        (("error", *SLOW), 3, False, ("processing", *SLOW)),
        (PROCESSING, 3, False, PROCESSING),
        (("processing", *SLOW), 5, True, LAST),
        (("queued", None, None, None), 5, True, LAST),
        (LAST, 5, True, LAST),
        (PROCESSING, 1, True, LAST),  # a queue that gives each message once
    ],
)
def test_an_attempt_opens_with_the_status_that_its_receive_calls_for(
    videos: VideoRepository,
    sql: Sql,
    found: Columns,
    receive_count: int,
    is_last: bool,
    expected: Columns,
) -> None:
    insert(sql, **dict(zip(RECOVERY, found, strict=True)), processing_finished_at="2026-01-31T08:30:00Z")
    videos.begin(TASK, receive_count=receive_count, is_last=is_last)
    row = row_of(sql)
    assert columns_of(row) == expected
    assert row["processing_started_at"] is not None
    assert row["processing_finished_at"] is None


def test_a_video_whose_every_attempt_died_is_given_up_without_work(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, status="processing")
    for _ in range(2):
        with pytest.raises(Permanent, match=DIED_EVERY_TIME) as given_up:
            videos.begin(TASK, receive_count=5, is_last=True)
        assert given_up.value.code == "crashed"
        assert columns_of(row_of(sql)) == CRASHED
    videos.fail(VIDEO, WORKSPACE, given_up.value, final=True)
    assert columns_of(row_of(sql)) == CRASHED


def test_attempts_that_are_killed_while_a_call_is_held_are_no_crashes(videos: VideoRepository, sql: Sql) -> None:
    insert(sql)
    for receive in range(1, 6):
        videos.begin(TASK, receive_count=receive, is_last=receive == 5)
        videos.fail(VIDEO, WORKSPACE, EnvironmentFault("denied", code="permission_denied"), final=False)
        status = "error" if receive == 5 else "processing"
        assert columns_of(row_of(sql)) == (status, None, "permission_denied", "denied")


def test_a_whole_life_of_transient_failures_ends_as_an_error_with_the_last_reason(
    videos: VideoRepository, sql: Sql
) -> None:
    insert(sql)
    for receive in range(1, 6):
        videos.begin(TASK, receive_count=receive, is_last=receive == 5)
        videos.fail(VIDEO, WORKSPACE, Transient(f"S3 was slow at {receive}"), final=receive == 5)
    row = row_of(sql)
    assert columns_of(row) == ("error", None, "transient", "S3 was slow at 5")
    assert row["processing_finished_at"] is not None


@pytest.mark.parametrize(("receive", "status"), [(2, "processing"), (5, "error")])
def test_a_shutdown_keeps_the_reason_of_a_refused_call(
    videos: VideoRepository, sql: Sql, receive: int, status: str
) -> None:
    insert(sql)
    is_last = receive == 5
    videos.begin(TASK, receive_count=receive, is_last=is_last)
    videos.fail(VIDEO, WORKSPACE, EnvironmentFault("denied", code="permission_denied"), final=False)
    for _ in range(2):
        videos.fail(VIDEO, WORKSPACE, Interrupted("shutting down"), final=is_last)
        row = row_of(sql)
        assert columns_of(row) == (status, None, "permission_denied", "denied")
        assert (row["processing_finished_at"] is not None) == is_last
    videos.fail(VIDEO, WORKSPACE, Transient("S3 was slow"), final=is_last)
    assert columns_of(row_of(sql)) == (status, None, "transient", "S3 was slow")


@pytest.mark.parametrize(("receive", "status"), [(1, "processing"), (5, "error")])
def test_a_shutdown_is_the_reason_of_a_row_without_another(
    videos: VideoRepository, sql: Sql, receive: int, status: str
) -> None:
    insert(sql)
    videos.begin(TASK, receive_count=receive, is_last=receive == 5)
    videos.fail(VIDEO, WORKSPACE, Interrupted("shutting down"), final=receive == 5)
    assert columns_of(row_of(sql)) == (status, None, "interrupted", "shutting down")


def test_finishing_makes_a_row_done_and_clears_its_reason(videos: VideoRepository, sql: Sql) -> None:
    insert(sql)
    videos.begin(TASK, receive_count=1, is_last=False)
    videos.fail(VIDEO, WORKSPACE, Transient("S3 was slow"), final=False)
    assert columns_of(row_of(sql)) == ("processing", None, "transient", "S3 was slow")
    videos.begin(TASK, receive_count=2, is_last=False)
    videos.finish(TASK)
    row = row_of(sql)
    assert columns_of(row) == ("done", None, None, None)
    assert row["processing_finished_at"] >= row["processing_started_at"]
    assert row["updated_at"] == row["processing_finished_at"]


def test_a_finished_video_that_lacks_a_little_carries_the_damage_through_every_redelivery(
    videos: VideoRepository, sql: Sql
) -> None:
    insert(sql)
    videos.begin(TASK, receive_count=1, is_last=False)
    videos.finish(TASK, damage="damaged: 899 of 900 frames")
    before = row_of(sql)
    assert columns_of(before) == ("done", None, "damaged", "damaged: 899 of 900 frames")
    for receive, last in ((1, False), (2, False), (5, True)):
        videos.begin(TASK, receive_count=receive, is_last=last)
        videos.finish(TASK)
        videos.fail(VIDEO, WORKSPACE, BadVideo("truncated: 435 of 900 frames"), final=True)
    assert row_of(sql) == before


def test_a_done_row_is_not_changed_by_any_further_receive(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, status="done", processing_finished_at="2026-01-31T08:30:00Z")
    before = row_of(sql)
    for receive, last in ((1, False), (5, True)):
        videos.begin(TASK, receive_count=receive, is_last=last)
        videos.finish(TASK)
        videos.fail(VIDEO, WORKSPACE, Transient("late"), final=False)
        videos.fail(VIDEO, WORKSPACE, Transient("late"), final=True)
    assert row_of(sql) == before


def test_another_workspace_s_video_is_refused_and_left_alone(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, workspace_id=OTHER)
    before = row_of(sql)
    with pytest.raises(Permanent, match=r"workspace_id: .*another workspace") as begun:
        videos.begin(TASK, receive_count=1, is_last=False)
    with pytest.raises(Permanent, match=r"workspace_id: .*another workspace") as resolved:
        videos.resolve(SHORT)
    assert begun.value.code == resolved.value.code == "wrong_workspace"
    videos.finish(TASK)
    videos.fail(VIDEO, WORKSPACE, Transient("not yours"), final=True)
    assert row_of(sql) == before


def test_a_video_without_a_row_is_worked_on_with_a_warning(
    videos: VideoRepository, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    videos.begin(TASK, receive_count=5, is_last=True)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert vars(record)["video_id"] == VIDEO
    videos.finish(TASK)
    videos.fail(VIDEO, WORKSPACE, Transient("no row takes it"), final=True)
    assert sql("SELECT * FROM videos") == []


def test_a_reason_is_kept_in_a_form_that_any_column_and_any_terminal_can_hold(
    videos: VideoRepository, sql: Sql
) -> None:
    insert(sql)
    videos.fail(VIDEO, WORKSPACE, BadVideo("moov\x00 \ud800 \x1b[31m" + "x" * 5000), final=True)
    error_msg = row_of(sql)["error_msg"]
    assert error_msg.startswith(r"moov\x00 \xd800 \x1b[31m")
    assert len(error_msg) == schema_check.LONGEST_REASON + 1


def test_the_short_form_is_completed_from_the_row(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, frame_stride=7, recorded_at="2026-01-31T08:30:00.25+08:00")
    assert videos.resolve(SHORT) == TASK.model_copy(
        update={"frame_stride": 7, "recordedAt": "2026-01-31T00:30:00.25+00:00"}
    )


def test_a_row_without_stride_or_recording_time_has_three_and_none(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, frame_stride=None, recorded_at=None)
    assert videos.resolve(SHORT) == TASK


def with_nulls(*fields: str) -> PartialProcessVideo:
    """The full message with these fields null."""
    return PartialProcessVideo.model_validate(TASK.model_dump() | dict.fromkeys(fields))


@pytest.mark.parametrize("field", ["workspace_code", "camera_code"])
def test_a_null_code_is_filled_from_the_row_and_the_other_columns_are_not_used(
    videos: VideoRepository, sql: Sql, field: str
) -> None:
    others = {"workspace_code": "CTX2222", "camera_code": "CAM2", "s3_key_raw": None, "frame_stride": 7}
    insert(sql, **{**others, "recorded_at": "2026-01-31T08:30:00Z", field: TASK.model_dump()[field]})
    assert videos.resolve(with_nulls(field)) == TASK


@pytest.mark.parametrize(("stored", "stride"), [(7, 7), (None, 3)])
def test_a_null_stride_is_the_row_s_and_else_three(
    videos: VideoRepository, sql: Sql, stored: int | None, stride: int
) -> None:
    insert(sql, frame_stride=stored, workspace_code=None, camera_code=None, s3_key_raw=None)
    assert videos.resolve(with_nulls("frame_stride")) == TASK.model_copy(update={"frame_stride": stride})


@pytest.mark.parametrize("column", ["workspace_code", "camera_code"])
def test_a_code_that_is_null_in_the_message_and_in_the_row_is_permanent_and_named(
    videos: VideoRepository, sql: Sql, column: str
) -> None:
    insert(sql, **{column: None})
    with pytest.raises(Permanent, match=rf"videos\.{column}: null") as refusal:
        videos.resolve(with_nulls("workspace_code", "camera_code", "frame_stride"))
    assert refusal.value.code == "incomplete_row"


def test_a_null_is_never_filled_from_another_workspace_s_row(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, workspace_id=OTHER)
    with pytest.raises(Permanent) as refusal:
        videos.resolve(with_nulls("camera_code"))
    assert refusal.value.code == "wrong_workspace"


@pytest.mark.parametrize("task", [SHORT, with_nulls("frame_stride")], ids=["short", "nulls"])
def test_a_row_that_is_not_there_yet_is_waited_for(videos: VideoRepository, task: IncompleteTask) -> None:
    with pytest.raises(Transient, match=VIDEO) as absence:
        videos.resolve(task)
    assert absence.value.code == "no_video_row"


@pytest.mark.parametrize("column", ["s3_key_raw", "workspace_code", "camera_code"])
def test_a_null_that_a_snapshot_needs_is_permanent_and_named(videos: VideoRepository, sql: Sql, column: str) -> None:
    insert(sql, **{column: None})
    with pytest.raises(Permanent, match=rf"videos\.{column}: null") as refusal:
        videos.resolve(SHORT)
    assert refusal.value.code == "incomplete_row"


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("s3_key_raw", KEY.replace("raw/", "raw/../"), "s3_key_raw"),
        ("s3_key_raw", KEY.replace(VIDEO, OTHER), "s3_key_raw"),
        ("s3_key_raw", "clip.mp4", "s3_key_raw"),
        ("workspace_code", "ctx1005", "workspace_code"),
        ("camera_code", "Gate 1", "camera_code"),
        ("frame_stride", 0, "frame_stride"),
        ("recorded_at", "infinity", "recordedAt"),
        ("recorded_at", "-infinity", "recordedAt"),
        ("recorded_at", "20000-01-01", "recordedAt"),
        ("recorded_at", "0044-03-15 BC", "recordedAt"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused_like_a_message_that_does(
    videos: VideoRepository, sql: Sql, column: str, value: object, field: str
) -> None:
    insert(sql, **{column: value})
    with pytest.raises(BadMessage, match=field):
        videos.resolve(SHORT)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'", "No space left"),
        ("RAISE EXCEPTION 'cannot execute INSERT in a read-only transaction' USING ERRCODE = '25006'", "read-only"),
    ],
)
def test_a_database_that_only_answers_reads_is_the_environment_s_fault(
    videos: VideoRepository, sql: Sql, fault: str, reason: str
) -> None:
    sql(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {fault}; END $$")
    sql("CREATE TRIGGER refuse BEFORE INSERT ON image_analyses EXECUTE FUNCTION refuse()")
    with pytest.raises(EnvironmentFault, match=reason):
        videos.ping()


def test_a_probe_leaves_no_row_behind(videos: VideoRepository, sql: Sql) -> None:
    videos.ping()
    assert sql("SELECT * FROM image_analyses") == []


def test_a_database_without_the_table_is_the_environment_s_fault_and_named(videos: VideoRepository, sql: Sql) -> None:
    videos.ping()
    sql("ALTER TABLE videos RENAME TO films")
    with pytest.raises(EnvironmentFault, match=r'"videos" does not exist.*; run schemas/database\.sql$'):
        videos.ping()
    with pytest.raises(EnvironmentFault, match='"videos" does not exist'):
        videos.begin(TASK, receive_count=1, is_last=False)


def run_as_previous_release(sql: Sql, error_msg: str | None, status: str = "processing") -> None:
    """What a worker of the release before attempt_state writes: it does not know the two columns."""
    sql("UPDATE videos SET status = %s, error_msg = %s, updated_at = now()", status, error_msg)


def test_a_row_of_the_previous_release_is_read_by_its_text_and_gets_its_state(
    videos: VideoRepository, sql: Sql
) -> None:
    insert(sql, status="error", error_msg=DIED_EVERY_TIME)
    with pytest.raises(Permanent) as given_up:
        videos.begin(TASK, receive_count=5, is_last=True)
    assert given_up.value.code == "crashed"
    assert columns_of(row_of(sql)) == CRASHED


def test_a_crash_of_an_earlier_life_does_not_give_up_a_video_that_an_older_worker_only_found_slow(
    videos: VideoRepository, sql: Sql
) -> None:
    reason = "S3 was slow"
    insert(sql, **dict(zip(RECOVERY, CRASHED, strict=True)))
    run_as_previous_release(sql, None)
    run_as_previous_release(sql, reason)
    videos.begin(TASK, receive_count=4, is_last=False)
    assert columns_of(row_of(sql)) == ("processing", None, None, reason)
    videos.begin(TASK, receive_count=5, is_last=True)
    assert columns_of(row_of(sql)) == LAST


def test_crashes_of_older_and_newer_workers_count_together(videos: VideoRepository, sql: Sql) -> None:
    insert(sql, **dict(zip(RECOVERY, LAST, strict=True)))
    run_as_previous_release(sql, None)
    videos.begin(TASK, receive_count=2, is_last=False)
    run_as_previous_release(sql, None)
    with pytest.raises(Permanent, match=DIED_EVERY_TIME):
        videos.begin(TASK, receive_count=5, is_last=True)


@pytest.mark.parametrize("column", ["attempt_state", "error_code", "processing_started_at"])
def test_a_column_that_is_missing_is_named_with_the_file_that_adds_it(
    videos: VideoRepository, sql: Sql, column: str
) -> None:
    sql(f"ALTER TABLE videos DROP COLUMN {column}")
    with pytest.raises(EnvironmentFault) as fault:
        videos.ping()
    assert fault.value.code == "schema_outdated"
    assert str(fault.value) == f"the database lacks videos.{column}: run schemas/database.sql, then polling continues"


def test_a_column_that_only_the_api_needs_may_be_missing(videos: VideoRepository, sql: Sql) -> None:
    sql("ALTER TABLE videos DROP COLUMN file_name, DROP COLUMN camera_label")
    videos.ping()

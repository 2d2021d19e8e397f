"""The views of the runs: which rows a UI shows, and how far their classification is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Sql = Callable[..., list[dict[str, Any]]]
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def insert_run(sql: Sql, run_key: str, status: str, minute: int, run_type: str = "replay") -> str:
    [row] = sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_key, run_type, root_run_id, status, created_at,"
        " completed_at) VALUES (%s, %s, %s, %s, gen_random_uuid(), %s, timestamptz '2026-01-01' + %s, '2026-01-02')"
        " RETURNING id",
        *(VIDEO, WORKSPACE, run_key, run_type, status, f"{minute} min"),
    )
    return str(row["id"])


def insert_snapshot(
    sql: Sql, name: str, run_key: str | None, minute: int = 0, status: str = "queued", *, is_of_run: bool = False
) -> None:
    """`is_of_run`: a run inserted it, and not an older release."""
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, run_key, status, created_at, updated_at, run_id) VALUES (%s, %s, 'CTX1005',"
        " 'CAM1', (SELECT count(*) + 1 FROM image_analyses), %s, 0, 'Car', %s, %s, timestamptz '2026-01-01' + %s,"
        " '2026-01-03', CASE WHEN %s THEN gen_random_uuid() END)",
        *(WORKSPACE, VIDEO, name, run_key, status, f"{minute} min", is_of_run),
    )


def insert_result(sql: Sql, name: str, variant: str, day: int) -> None:
    sql(
        "INSERT INTO image_analysis_results (analysis_id, variant, updated_at)"
        " SELECT id, %s, timestamptz '2026-01-01' + %s FROM image_analyses WHERE snapshot_s3_key = %s",
        *(variant, f"{day} days", name),
    )


def shown(sql: Sql) -> set[str]:
    return {row["snapshot_s3_key"] for row in sql("SELECT * FROM current_image_analyses WHERE video_id = %s", VIDEO)}


@pytest.mark.parametrize(
    ("runs", "current"),
    [
        ([], "newer"),
        ([("older", "completed", 0)], "older"),
        ([("older", "completed", 0), ("newer", "completed", 1)], "newer"),
        ([("older", "completed", 0), ("newer", "running", 1)], "older"),
        ([("older", "completed", 0), ("newer", "failed", 1)], "older"),
        ([("older", "failed", 0), ("newer", "running", 1)], "newer"),
        ([("newer", "completed", 0), ("older", "completed", 1)], "older"),
        ([("older", "completed", 0), ("newer", "completed", 1), ("older", "pending", 2)], "newer"),
    ],
)
def test_a_video_s_current_rows_are_those_of_its_newest_completed_run(
    sql: Sql, runs: list[tuple[str, str, int]], current: str
) -> None:
    for run_key, minute in (("older", 0), ("newer", 1)):
        insert_snapshot(sql, f"{run_key} 1", run_key, minute)
        insert_snapshot(sql, f"{run_key} 2", run_key, minute)
    insert_snapshot(sql, "from elsewhere", None)
    for run in runs:
        insert_run(sql, *run)
    assert shown(sql) == {f"{current} 1", f"{current} 2", "from elsewhere"}


@pytest.mark.parametrize("status", ["pending", "running", "paused", "failed", "cancelled"])
def test_rows_of_an_older_release_are_shown_until_a_run_is_completed(sql: Sql, status: str) -> None:
    for run_key, minute in (("oldest", 0), ("old", 1)):
        insert_snapshot(sql, run_key, run_key, minute)
    run_id = insert_run(sql, "new", status, 2, "initial")
    assert shown(sql) == {"old"}, "as one run without a row"
    insert_snapshot(sql, "new", "new", 2, is_of_run=True)
    assert shown(sql) == {"old"}
    sql("UPDATE video_runs SET status = 'completed' WHERE id = %s", run_id)
    assert shown(sql) == {"new"}
    sql("UPDATE video_runs SET status = %s, run_key = 'old' WHERE id = %s", status, run_id)
    insert_snapshot(sql, "old 2", "old", 2, is_of_run=True)
    assert shown(sql) == {"old", "old 2"}, "a run with the key of the older release shares its rows"


def test_rows_whose_runs_were_deleted_are_shown(sql: Sql) -> None:
    insert_snapshot(sql, "older", "older", 0, is_of_run=True)
    insert_snapshot(sql, "newer", "newer", 1, is_of_run=True)
    assert shown(sql) == {"newer"}


def test_rows_of_another_workspace_do_not_decide_what_is_shown(sql: Sql) -> None:
    insert_snapshot(sql, "own", "own", 0)
    insert_snapshot(sql, "foreign", "foreign", 1)
    sql("UPDATE image_analyses SET workspace_id = gen_random_uuid() WHERE run_key = 'foreign'")
    assert shown(sql) == {"own", "foreign"}, "each in its own workspace"


def test_a_video_has_one_open_run_that_is_no_replay(sql: Sql) -> None:
    insert_run(sql, "key", "running", 0, "initial")
    insert_run(sql, "key", "running", 1, "replay")
    insert_run(sql, "key", "failed", 2, "retry")
    with pytest.raises(Exception, match="video_runs_open"):
        insert_run(sql, "key", "pending", 3, "retry")
    sql("UPDATE video_runs SET workspace_id = gen_random_uuid() WHERE run_type = 'initial'")
    insert_run(sql, "key", "pending", 3, "retry")
    assert len(sql("SELECT * FROM video_runs")) == 4, "a workspace does not hinder another one"


def test_a_run_of_another_workspace_does_not_decide_what_is_shown(sql: Sql) -> None:
    insert_snapshot(sql, "older 1", "older", 0)
    insert_snapshot(sql, "newer 1", "newer", 1)
    insert_run(sql, "older", "completed", 0)
    assert shown(sql) == {"older 1"}
    sql("UPDATE video_runs SET workspace_id = gen_random_uuid()")
    assert shown(sql) == {"newer 1"}


def test_what_is_shown_is_found_by_index_without_sorting(sql: Sql) -> None:
    """10,000 rows of 100 videos, of which 50 have runs."""
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, run_key, created_at) SELECT %s, md5((n %% 100)::text)::uuid, 'CTX1005', 'CAM1',"
        " n, n, 0, 'Car', CASE WHEN n < 5000 THEN 'older' ELSE 'newer' END, timestamptz '2026-01-01' + n * interval"
        " '1 s' FROM generate_series(1, 10000) AS n",
        WORKSPACE,
    )
    sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_key, run_type, root_run_id, status)"
        " SELECT md5(n::text)::uuid, %s, 'older', 'replay', gen_random_uuid(), 'completed'"
        " FROM generate_series(0, 49) AS n CROSS JOIN generate_series(1, 20)",
        WORKSPACE,
    )
    sql("ANALYZE image_analyses, video_runs")
    plan = "\n".join(row["QUERY PLAN"] for row in sql("EXPLAIN SELECT count(*) FROM current_image_analyses"))
    assert "video_runs_current" in plan, plan
    assert "image_analyses_newest" in plan, plan
    assert "image_analyses_unrecorded" in plan, plan
    assert "Seq Scan on video_runs" not in plan, plan
    assert "Sort" not in plan, plan
    [row] = sql("SELECT count(*) FROM current_image_analyses")
    assert row["count"] == 2499 + 2500, "the older rows of the videos with runs, the newer ones of the others"


def progress(sql: Sql, *columns: str) -> list[tuple[Any, ...]]:
    rows = sql("SELECT * FROM analysis_progress ORDER BY variant")
    return [tuple(row[name] for name in columns) for row in rows]


def test_the_progress_of_classification_is_counted_per_run_and_variant(sql: Sql) -> None:
    run_id = insert_run(sql, "key", "running", 0)
    counts = ("variant", "expected", "processed", "ok", "error")
    assert progress(sql, *counts) == [("baseline", 0, 0, 0, 0)]
    for name in "abcd":
        insert_snapshot(sql, name, "key", status="error" if name == "d" else "queued")
    insert_snapshot(sql, "of another run", "other key")
    for name in "ab":
        insert_result(sql, name, "baseline", 1)
    insert_result(sql, "a", "cmt", 5)
    assert progress(sql, *counts) == [("baseline", 4, 3, 2, 1), ("cmt", 4, 2, 1, 1)]
    assert progress(sql, "run_id", "video_id", "workspace_id", "finished") == [(run_id, VIDEO, WORKSPACE, None)] * 2
    assert [(str(one.date()), str(last.date())) for one, last in progress(sql, "started", "last")] == [
        ("2026-01-01", "2026-01-03"),
        ("2026-01-01", "2026-01-06"),
    ]


def test_snapshots_of_another_workspace_are_not_counted(sql: Sql) -> None:
    insert_run(sql, "key", "running", 0)
    for name in "ab":
        insert_snapshot(sql, name, "key")
    sql("UPDATE image_analyses SET workspace_id = gen_random_uuid() WHERE snapshot_s3_key = 'b'")
    assert progress(sql, "expected") == [(1,)]


def test_classification_is_finished_when_the_run_is_complete_and_every_row_has_a_result(sql: Sql) -> None:
    run_id = insert_run(sql, "key", "completed", 0)
    for name in "ab":
        insert_snapshot(sql, name, "key")
    insert_result(sql, "a", "baseline", 1)
    assert progress(sql, "finished") == [(None,)]
    insert_result(sql, "b", "baseline", 4)
    assert [str(finished.date()) for (finished,) in progress(sql, "finished")] == ["2026-01-05"]
    sql("UPDATE video_runs SET status = 'running' WHERE id = %s", run_id)
    assert progress(sql, "finished") == [(None,)]

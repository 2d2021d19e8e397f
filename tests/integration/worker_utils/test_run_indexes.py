"""The statements about runs find their rows by index: a database that has worked for a year has many."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from video_analysis.ops import run_row
from video_analysis.worker_utils.db import run_statements, stage_checkpoints

Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def many_runs(sql: Sql) -> dict[str, str]:
    """20,000 runs of 20,000 videos with 3 snapshots and 2 parts each. Returns the ids of one."""
    sql(
        "INSERT INTO video_runs (id, video_id, workspace_id, run_key, run_type, root_run_id, status, created_at,"
        " message_id) SELECT id, md5(n::text)::uuid, md5((n % 100)::text)::uuid, 'key', 'initial', id,"
        " CASE WHEN n % 1000 = 0 THEN 'running' ELSE 'completed' END, now() - n * interval '1 min', 'm-' || n"
        " FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 20000) AS n) AS given"
    )
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, run_key, run_id) SELECT workspace_id, video_id, 'CTX1005', 'CAM1', track,"
        " video_id || '/' || track, 0, 'Car', 'key', id FROM video_runs, generate_series(1, 3) AS track"
    )
    sql(
        "INSERT INTO stage_checkpoints SELECT id, 'detect', part, 0, 1, 0, 1, 'key', 1, 'sha256', 'etag', 1, 'hash',"
        " created_at FROM video_runs, generate_series(0, 1) AS part"
    )
    sql("ANALYZE video_runs, image_analyses, stage_checkpoints")
    [row] = sql("SELECT id::text, video_id::text, workspace_id::text FROM video_runs LIMIT 1")
    return {name: str(value) for name, value in row.items()}


LISTED = {"video_id": None, "workspace_id": None, "status": None, "limit": 20, "idle_s": 60}


def test_no_statement_about_runs_reads_a_whole_table(database_url: str, many_runs: dict[str, str]) -> None:
    run, video, workspace = (many_runs[name] for name in ("id", "video_id", "workspace_id"))
    message = {"video_id": video, "workspace_id": workspace, "run_id": run, "message_id": "m-1", "found_id": run}
    statements: dict[str, tuple[str, Any]] = {
        "find": (run_statements.FIND, message),
        "find named": (run_statements.FIND_NAMED, message),
        "has child": (run_statements.HAS_CHILD, (run,)),
        "find by id": (run_statements.FIND_BY_ID, (run, video, workspace)),
        "known message": (run_statements.KNOWN_MESSAGE, message),
        "parts": (stage_checkpoints.OF_RUN, {"run_id": run, "ancestors": 50, "only_replaced": False}),
        "tree": (run_row.OF_ROOT, (video, run)),
        "list": (run_row.LIST, LISTED),
        "list of a video": (run_row.LIST, LISTED | {"video_id": video}),
        "list of a workspace": (run_row.LIST, LISTED | {"workspace_id": workspace}),
        "list of a workspace and status": (run_row.LIST, LISTED | {"workspace_id": workspace, "status": "running"}),
        "newest completed": (run_row.NEWEST_COMPLETED, (video,)),
        "clean-up": ("DELETE FROM stage_checkpoints WHERE created_at < now() - interval '30 days'", None),
        "progress of a run": ("SELECT * FROM analysis_progress WHERE run_id = %s", (run,)),
        "progress of a video": ("SELECT * FROM analysis_progress WHERE video_id = %s", (video,)),
        "progress of a workspace": ("SELECT * FROM analysis_progress WHERE workspace_id = %s", (workspace,)),
        "current of a video": ("SELECT * FROM current_image_analyses WHERE video_id = %s", (video,)),
        "current of a workspace": ("SELECT * FROM current_image_analyses WHERE workspace_id = %s", (workspace,)),
    } | {
        f"list of {status}": (run_row.LIST, LISTED | {"status": status})
        for status in ("pending", "running", "paused", "completed", "failed", "cancelled")
    }
    slow = {}
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        for name, (statement, values) in statements.items():
            cursor.execute(f"EXPLAIN {statement}", values)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            if re.search(r"Seq Scan on (video_runs|image_analyses|stage_checkpoints)\b", plan):
                slow[name] = plan
    assert not slow, "\n".join(f"{name}:\n{plan}" for name, plan in slow.items())

"""schemas/database.sql: what it makes, what it leaves alone, and the unique keys that carry 'once in effect'."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from video_analysis.devstack import provision
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db import image_analyses, image_analysis_results, videos
from video_analysis.worker_utils.db.access import TableAccess

Sql = Callable[..., list[dict[str, Any]]]
SCHEMA = PACKAGE_FOLDER / "schemas" / "database.sql"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
THE_API_S_VIDEOS = """
CREATE TYPE video_status_enum AS ENUM ('uploaded', 'queued', 'processing', 'done', 'error', 'archived');
CREATE TABLE videos (id uuid PRIMARY KEY, workspace_id uuid NOT NULL, workspace_code text NOT NULL, file_name text,
    camera_label text, camera_code text, s3_key_raw text, recorded_at timestamptz, frame_stride int,
    status video_status_enum NOT NULL DEFAULT 'uploaded', error_msg text, updated_at timestamptz,
    processing_started_at timestamptz, processing_finished_at timestamptz, uploaded_by uuid);
"""


def shape(sql: Sql) -> list[dict[str, Any]]:
    """Every column, key, index and enum label there is."""
    return [
        *sql(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, ordinal_position"
        ),
        *sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        *sql("SELECT conrelid::regclass::text, pg_get_constraintdef(oid) AS rule FROM pg_constraint ORDER BY 1, 2"),
        *sql("SELECT enumtypid::regtype::text, enumlabel FROM pg_enum ORDER BY 1, enumsortorder"),
    ]


def columns(sql: Sql, table: str) -> set[str]:
    return {row["column_name"] for row in shape(sql) if row.get("table_name") == table}


@pytest.fixture
def bare_sql(sql: Sql) -> Sql:
    """The test's database as it was before any table was made."""
    sql("DROP SCHEMA public CASCADE")
    sql("CREATE SCHEMA public")
    return sql


def insert_analysis(sql: Sql, track_id: int, uri: str, run_key: str | None) -> None:
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, run_key) VALUES (gen_random_uuid(), %s, 'CTX1005', 'CAM1', %s, %s, 0, 'Car', %s)",
        VIDEO,
        track_id,
        uri,
        run_key,
    )


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (
            "videos",
            "id workspace_id workspace_code file_name camera_label camera_code s3_key_raw recorded_at frame_stride"
            " status attempt_state error_code error_msg updated_at processing_started_at processing_finished_at",
        ),
        (
            "image_analyses",
            "id workspace_id video_id workspace_code camera_code track_id snapshot_s3_key recorded_at detected_in_ms"
            " detected_at yolo_type status attempt_state error_code error_msg created_at updated_at run_key",
        ),
        (
            "image_analysis_results",
            "id analysis_id variant type_label type_conf make_label make_conf model_label model_conf colors plate_text"
            " plate_conf evidence assets checkpoint latency_ms gflops memory_usage created_at updated_at",
        ),
    ],
)
def test_a_fresh_table_has_the_contract_s_columns(sql: Sql, table: str, names: str) -> None:
    assert columns(sql, table) == set(names.split())


def test_running_it_again_changes_nothing(database_url: str, sql: Sql) -> None:
    insert_analysis(sql, 1, "s3://a", "run")
    before = shape(sql), sql("SELECT xmin::text, * FROM image_analyses")
    provision.tables(database_url)
    assert (shape(sql), sql("SELECT xmin::text, * FROM image_analyses")) == before


def test_the_api_s_own_videos_table_gets_two_empty_columns_and_keeps_its_rows(database_url: str, bare_sql: Sql) -> None:
    bare_sql(THE_API_S_VIDEOS)
    bare_sql(
        "INSERT INTO videos (id, workspace_id, workspace_code, status) VALUES (%s, %s, 'CTX1', 'archived')",
        *[VIDEO] * 2,
    )
    before = shape(bare_sql), bare_sql("SELECT xmin::text, * FROM videos")
    provision.tables(database_url)
    after = shape(bare_sql)
    assert [fact for fact in before[0] if fact not in after] == []
    added = columns(bare_sql, "videos") - {fact["column_name"] for fact in before[0] if "column_name" in fact}
    assert added == {"attempt_state", "error_code"}
    assert columns(bare_sql, "videos") >= {"uploaded_by", "processing_finished_at"}
    [row] = before[1]
    assert bare_sql("SELECT xmin::text, * FROM videos") == [{**row, "attempt_state": None, "error_code": None}]
    insert_analysis(bare_sql, 1, "s3://a", None)


def test_a_table_from_before_run_keys_gets_the_column_and_keeps_its_rows(database_url: str, sql: Sql) -> None:
    sql("ALTER TABLE image_analyses DROP COLUMN run_key")
    sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type) VALUES (%s, %s, 'CTX1005', 'CAM1', 1, 's3://old', 0, 'Car')",
        VIDEO,
        VIDEO,
    )
    provision.tables(database_url)
    assert sql("SELECT snapshot_s3_key, run_key FROM image_analyses") == [
        {"snapshot_s3_key": "s3://old", "run_key": None}
    ]
    insert_analysis(sql, 1, "s3://new", "run")
    with pytest.raises(errors.UniqueViolation):
        insert_analysis(sql, 1, "s3://newer", "run")


def test_an_older_analyses_table_gets_the_columns_and_keeps_its_rows(database_url: str, sql: Sql) -> None:
    sql("ALTER TABLE image_analyses DROP COLUMN attempt_state, DROP COLUMN error_code")
    insert_analysis(sql, 1, "s3://old", "run")
    [before] = sql("SELECT xmin::text, * FROM image_analyses")
    provision.tables(database_url)
    provision.tables(database_url)
    assert sql("SELECT xmin::text, * FROM image_analyses") == [before | {"attempt_state": None, "error_code": None}]


def test_a_file_that_fails_halfway_has_done_nothing(database_url: str, bare_sql: Sql) -> None:
    bare_sql(THE_API_S_VIDEOS)
    bare_sql("CREATE TABLE image_analyses (id uuid PRIMARY KEY)")
    before = shape(bare_sql)
    with pytest.raises(errors.UndefinedColumn):
        provision.tables(database_url)
    assert shape(bare_sql) == before


@pytest.mark.parametrize("options", [[], ["--single-transaction"]])
def test_psql_runs_the_file_as_the_documentation_says(database_url: str, bare_sql: Sql, options: list[str]) -> None:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("no psql on this machine")
    command = [psql, database_url, "-v", "ON_ERROR_STOP=1", *options, "-f", str(SCHEMA)]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True)
    assert columns(bare_sql, "videos") >= {"attempt_state", "error_code"}


@pytest.mark.parametrize(
    ("accesses", "unused"),
    [
        ((videos.ACCESS,), {"file_name", "camera_label"}),
        ((image_analyses.CLAIM_ACCESS, image_analyses.ANALYSIS_ACCESS), {"created_at"}),
        ((image_analysis_results.ACCESS,), {"id", "created_at"}),
    ],
    ids=("videos", "image_analyses", "image_analysis_results"),
)
def test_the_probes_check_every_column_that_the_workers_use(
    sql: Sql, accesses: tuple[TableAccess, ...], unused: set[str]
) -> None:
    checked = {name for access in accesses for name in access.all_columns}
    assert checked == columns(sql, accesses[0].name) - unused


def test_a_track_of_a_run_has_one_row_and_a_picture_has_one_row(sql: Sql) -> None:
    insert_analysis(sql, 1, "s3://a", "run")
    insert_analysis(sql, 2, "s3://b", "run")
    insert_analysis(sql, 1, "s3://c", "another run")
    insert_analysis(sql, 1, "s3://d", None)
    insert_analysis(sql, 1, "s3://e", None)
    for track_id, uri, run_key in ((1, "s3://f", "run"), (3, "s3://a", "run"), (3, "s3://d", None)):
        with pytest.raises(errors.UniqueViolation):
            insert_analysis(sql, track_id, uri, run_key)


def test_a_variant_of_an_analysis_has_one_row_which_goes_with_it(sql: Sql) -> None:
    insert_analysis(sql, 1, "s3://a", "run")
    insert = "INSERT INTO image_analysis_results (analysis_id, variant) SELECT id, %s FROM image_analyses"
    sql(insert, "baseline")
    sql(insert, "cmt")
    with pytest.raises(errors.UniqueViolation):
        sql(insert, "cmt")
    with pytest.raises(errors.CheckViolation):
        sql(insert, "third")
    sql("DELETE FROM image_analyses")
    assert sql("SELECT * FROM image_analysis_results") == []


def test_no_row_can_hold_what_the_contract_does_not_know(sql: Sql) -> None:
    with pytest.raises(errors.CheckViolation):
        insert_analysis(sql, 0, "s3://a", None)
    with pytest.raises(psycopg2.DataError):
        sql("INSERT INTO videos (id, workspace_id, status) VALUES (%s, %s, 'lost')", VIDEO, VIDEO)

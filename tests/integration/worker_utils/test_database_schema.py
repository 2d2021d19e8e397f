"""schemas/database.sql: what it makes, what it leaves alone, and the unique keys that carry 'once in effect'."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2 import errors

from video_analysis.devstack import provision
from video_analysis.tests.conftest import run_sql
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db import image_analyses, image_analysis_results, videos, write_probe
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Sql = Callable[..., list[dict[str, Any]]]
SCHEMA = PACKAGE_FOLDER / "schemas" / "database.sql"
ANALYSES = image_analyses.CLAIM_ACCESS, image_analyses.ANALYSIS_ACCESS
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
THE_API_S_VIDEOS = """
CREATE TYPE video_status_enum AS ENUM ('uploaded', 'queued', 'processing', 'done', 'error', 'archived');
CREATE TABLE videos (id uuid PRIMARY KEY, workspace_id uuid NOT NULL, workspace_code text NOT NULL, file_name text,
    camera_label text, camera_code text, s3_key_raw text, recorded_at timestamptz, frame_stride int,
    status video_status_enum NOT NULL DEFAULT 'uploaded', error_msg text, updated_at timestamptz,
    processing_started_at timestamptz, processing_finished_at timestamptz, uploaded_by uuid);
"""

ANOTHER_PROGRAMS_TABLES = """
CREATE TABLE videos (id uuid PRIMARY KEY, workspace_id uuid NOT NULL, workspace_code varchar(32) NOT NULL,
    camera_code text, s3_key_raw text, recorded_at timestamptz, frame_stride int, status text, error_msg varchar(255),
    updated_at timestamp, processing_started_at timestamptz, processing_finished_at timestamptz);
CREATE TYPE analysis_status_enum AS ENUM ('pending', 'done');
CREATE TABLE image_analyses (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace_id uuid NOT NULL,
    workspace_code text, camera_code text, image_id uuid NOT NULL, track_id text, recorded_at timestamptz,
    detected_in_ms int, detected_at timestamptz, yolo_type text, status analysis_status_enum, error_msg text,
    created_at timestamptz, updated_at timestamptz, UNIQUE (image_id, track_id));
"""
"""The older API's `image_analyses`, one row per uploaded image: without video_id and snapshot_s3_key."""
DIFFERENCES = [
    "image_analyses (image_id,track_id): found the unique key image_analyses_image_id_track_id_key, needed none",
    "image_analyses (snapshot_s3_key): found no unique key, needed one",
    "image_analyses.image_id: found NOT NULL without a default, needed nullable, or a default",
    "image_analyses.snapshot_s3_key: found nothing, needed text",
    "image_analyses.status: found analysis_status_enum {pending,done}, needed an enum with"
    " {queued,processing,done,error}",
    "image_analyses.track_id: found text, needed integer",
    "image_analyses.video_id: found nothing, needed uuid",
    "videos.error_msg: found character varying(255), needed text or varchar(2000)",
]


def used_columns(accesses: tuple[TableAccess, ...]) -> set[str]:
    """What the workers use of a table."""
    return {name for access in accesses for name in access.all_columns}


def psql() -> str:
    path = shutil.which("psql")
    if path is None:
        pytest.skip("no psql on this machine")
    return path


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


@pytest.fixture(scope="module")
def connection(postgres_url: str) -> Iterator[Connection]:
    """A connection to a database of this module with the tables; no test commits on it."""
    run_sql(postgres_url, "CREATE DATABASE test_differences")
    url = postgres_url.replace("/postgres?", "/test_differences?")
    provision.tables(url)
    connection = psycopg2.connect(url)
    yield connection
    connection.close()


@pytest.fixture
def rolled_back(connection: Connection) -> Iterator[Cursor]:
    """A transaction that is rolled back."""
    with connection.cursor() as cursor:
        yield cursor
    connection.rollback()


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
            " detected_at yolo_type status attempt_state error_code error_msg created_at updated_at run_key"
            " detected_box run_id",
        ),
        (
            "image_analysis_results",
            "id analysis_id variant type_label type_conf make_label make_conf model_label model_conf colors plate_text"
            " plate_conf evidence assets checkpoint latency_ms gflops memory_usage created_at updated_at",
        ),
        (
            "video_runs",
            "id video_id workspace_id run_key run_type parent_run_id root_run_id replay_from_stage config_overrides"
            " config_snapshot code_version status requested current_stage progress frames_done frames_total fps eta_s"
            " vehicles attempts message_id worker error_code error_msg created_at started_at updated_at completed_at"
            " message_ids source_etag source_bytes",
        ),
        (
            "stage_checkpoints",
            "run_id stage part first_frame last_frame first_offset_ms last_offset_ms s3_key bytes sha256 source_etag"
            " source_bytes traits_hash created_at",
        ),
        ("camera_settings", "workspace_id camera_code overrides updated_at"),
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
    sql("ALTER TABLE image_analyses DROP COLUMN run_key CASCADE")
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
    sql("DROP TABLE video_runs, stage_checkpoints, camera_settings CASCADE")
    sql("ALTER TABLE image_analyses DROP COLUMN attempt_state, DROP COLUMN error_code, DROP COLUMN detected_box")
    sql("ALTER TABLE image_analyses DROP COLUMN run_id")
    insert_analysis(sql, 1, "s3://old", "run")
    [before] = sql("SELECT xmin::text, * FROM image_analyses")
    provision.tables(database_url)
    provision.tables(database_url)
    assert sql("SELECT xmin::text, * FROM image_analyses") == [
        before | {"attempt_state": None, "error_code": None, "detected_box": None, "run_id": None}
    ]
    assert [row["snapshot_s3_key"] for row in sql("SELECT * FROM current_image_analyses")] == ["s3://old"]


def test_the_older_key_of_open_runs_is_replaced_by_one_with_the_workspace(database_url: str, sql: Sql) -> None:
    before = shape(sql)
    sql("DROP INDEX video_runs_open")
    sql(
        "CREATE UNIQUE INDEX video_runs_one_open ON video_runs (video_id)"
        " WHERE run_type <> 'replay' AND status IN ('pending', 'running', 'paused')"
    )
    for _ in range(2):
        provision.tables(database_url)
        assert shape(sql) == before


def test_views_of_an_older_file_are_replaced(database_url: str, sql: Sql) -> None:
    before = definitions(sql)
    sql("DROP VIEW current_image_analyses, analysis_progress")
    columns = "run_id, video_id, workspace_id, variant, expected, processed, ok, error, started, last, finished"
    types = dict.fromkeys(("expected", "processed", "ok", "error"), "bigint") | {"variant": "text"}
    types |= dict.fromkeys(("started", "last", "finished"), "timestamptz")
    values = ", ".join(f"NULL::{types.get(name, 'uuid')} AS {name}" for name in columns.split(", "))
    sql(
        "CREATE VIEW current_image_analyses AS SELECT a.* FROM image_analyses AS a WHERE a.run_key = (SELECT r.run_key"
        " FROM video_runs AS r WHERE r.video_id = a.video_id AND r.workspace_id = a.workspace_id LIMIT 1)"
    )
    sql(f"CREATE VIEW analysis_progress AS SELECT {values}")
    for _ in range(2):
        provision.tables(database_url)
        assert definitions(sql) == before


def definitions(sql: Sql) -> list[Any]:
    return [sql(f"SELECT pg_get_viewdef('{name}')") for name in ("current_image_analyses", "analysis_progress")]


def test_a_run_table_without_a_primary_key_is_accepted(database_url: str, sql: Sql) -> None:
    sql("DROP VIEW current_image_analyses, analysis_progress")
    sql("ALTER TABLE video_runs DROP CONSTRAINT video_runs_pkey, ADD UNIQUE (id)")
    provision.tables(database_url)
    assert sql("SELECT * FROM analysis_progress") == []


def refused(run: Callable[[], object]) -> list[str]:
    """The differences that the file lists when it refuses the tables that exist."""
    with pytest.raises(errors.RaiseException) as caught:
        run()
    assert "nothing was changed" in str(caught.value.diag.message_primary)
    return str(caught.value.diag.message_detail).splitlines()


def test_another_programs_tables_are_reported_whole_and_not_touched(database_url: str, bare_sql: Sql) -> None:
    bare_sql(ANOTHER_PROGRAMS_TABLES)
    before = shape(bare_sql)
    assert refused(lambda: provision.tables(database_url)) == DIFFERENCES
    assert shape(bare_sql) == before


@pytest.mark.parametrize("options", [[], ["--single-transaction"], ["-v", "ON_ERROR_STOP=1"]])
def test_psql_reports_another_programs_tables_in_one_error(
    database_url: str, bare_sql: Sql, options: list[str]
) -> None:
    bare_sql(ANOTHER_PROGRAMS_TABLES)
    before = shape(bare_sql)
    command = [psql(), database_url, *options, "-f", str(SCHEMA)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == (3 if "ON_ERROR_STOP=1" in options else 0)
    assert done.stderr.count("ERROR:") == 1
    assert "\n".join(DIFFERENCES) in done.stderr
    assert shape(bare_sql) == before


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "ALTER TABLE videos DROP COLUMN status, ADD COLUMN status boolean",
            "videos.status: found boolean, needed an enum with {queued,processing,done,error}",
        ),
        (
            "ALTER TYPE video_status_enum RENAME VALUE 'error' TO 'failed'",
            "videos.status: found video_status_enum {uploaded,queued,processing,done,failed}, needed an enum with"
            " {queued,processing,done,error}",
        ),
        (
            "ALTER TYPE analysis_status_enum RENAME TO status; CREATE TYPE analysis_status_enum AS ENUM ('queued')",
            "image_analyses.status: found status, needed analysis_status_enum",
        ),
        (
            "DROP TABLE image_analyses CASCADE; ALTER TYPE analysis_status_enum RENAME VALUE 'queued' TO 'new'",
            "analysis_status_enum: found {new,processing,done,error}, needed {queued,processing,done,error}",
        ),
        (
            "DROP TABLE videos; CREATE VIEW videos AS SELECT * FROM image_analyses",
            "videos: found a view or a foreign table, needed a table",
        ),
        (
            "ALTER TABLE videos ALTER COLUMN recorded_at TYPE timestamp",
            "videos.recorded_at: found timestamp without time zone, needed timestamptz",
        ),
        (
            "ALTER TABLE videos ALTER COLUMN error_msg TYPE varchar(255)",
            "videos.error_msg: found character varying(255), needed text or varchar(2000)",
        ),
        (
            "ALTER TABLE videos ALTER COLUMN error_code TYPE int USING 1",
            "videos.error_code: found integer, needed text",
        ),
        (
            "ALTER TABLE videos ALTER COLUMN processing_finished_at SET NOT NULL",
            "videos.processing_finished_at: found NOT NULL, needed nullable",
        ),
        (
            "ALTER TABLE image_analyses ALTER COLUMN run_key SET NOT NULL",
            "image_analyses.run_key: found NOT NULL, needed nullable",
        ),
        (
            "ALTER TABLE image_analyses ADD COLUMN tenant int NOT NULL",
            "image_analyses.tenant: found NOT NULL without a default, needed nullable, or a default",
        ),
        (
            "ALTER TABLE image_analysis_results ALTER COLUMN id DROP DEFAULT",
            "image_analysis_results.id: found NOT NULL without a default, needed nullable, or a default",
        ),
        (
            "ALTER TABLE image_analysis_results DROP CONSTRAINT image_analysis_results_analysis_id_variant_key",
            "image_analysis_results (analysis_id,variant): found no unique key, needed one",
        ),
        (
            "ALTER TABLE image_analyses DROP CONSTRAINT image_analyses_snapshot_s3_key_key, ADD UNIQUE"
            " (snapshot_s3_key) DEFERRABLE",
            "image_analyses (snapshot_s3_key): found no unique key, needed one",
        ),
        (
            "CREATE UNIQUE INDEX older ON image_analyses (video_id, track_id)",
            "image_analyses (track_id,video_id): found the unique key older, needed none",
        ),
        (
            "CREATE UNIQUE INDEX ON video_runs (video_id) WHERE status = 'running'",
            "video_runs (video_id): found the unique key video_runs_video_id_idx, needed none",
        ),
        (
            "DROP INDEX image_analyses_one_per_track; CREATE INDEX image_analyses_one_per_track ON videos (status)",
            "image_analyses_one_per_track: found another or an invalid index, needed a unique one of"
            " {run_key,track_id,video_id}",
        ),
    ],
)
def test_a_difference_is_one_line_with_what_was_found_and_what_is_needed(
    rolled_back: Cursor, change: str, difference: str
) -> None:
    rolled_back.execute(change)
    assert difference in refused(lambda: rolled_back.execute(SCHEMA.read_text()))


def test_tables_that_work_are_accepted_though_they_are_not_the_same(database_url: str, sql: Sql) -> None:
    sql("DROP VIEW current_image_analyses, analysis_progress")  # PostgreSQL changes no type that a view uses
    sql(
        """
        ALTER TABLE videos ALTER COLUMN status DROP DEFAULT, ALTER COLUMN status TYPE varchar(20),
            ALTER COLUMN workspace_code TYPE varchar(32), ALTER COLUMN updated_at TYPE timestamp,
            ALTER COLUMN frame_stride TYPE smallint, ALTER COLUMN file_name SET NOT NULL;
        CREATE DOMAIN code AS varchar;
        ALTER TABLE image_analyses ALTER COLUMN track_id TYPE bigint, ALTER COLUMN workspace_code TYPE code,
            ALTER COLUMN error_msg TYPE varchar(4000), ADD COLUMN note text, ADD COLUMN site int NOT NULL DEFAULT 1,
            ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
        CREATE UNIQUE INDEX ON image_analyses (workspace_id, snapshot_s3_key);
        ALTER TYPE analysis_status_enum ADD VALUE 'archived';
        ALTER TABLE image_analysis_results ALTER COLUMN type_conf TYPE double precision,
            ALTER COLUMN evidence TYPE json, ALTER COLUMN checkpoint SET NOT NULL, ADD COLUMN tenant int NOT NULL;
        CREATE FUNCTION tenant() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.tenant := 1; RETURN NEW; END';
        CREATE TRIGGER tenant BEFORE INSERT ON image_analysis_results FOR EACH ROW EXECUTE FUNCTION tenant();
        """
    )
    before = shape(sql)
    provision.tables(database_url)
    sql("DROP VIEW current_image_analyses, analysis_progress")
    assert shape(sql) == before


@pytest.mark.parametrize("accesses", [(videos.ACCESS,), ANALYSES, (image_analysis_results.ACCESS,)])
def test_each_column_of_the_workers_is_compared_or_added(
    rolled_back: Cursor, accesses: tuple[TableAccess, ...]
) -> None:
    table, used = accesses[0].name, used_columns(accesses)
    added = {
        "videos": {"attempt_state", "error_code"},
        "image_analyses": {"detected_box", "run_key", "run_id", "attempt_state", "error_code"},
        "image_analysis_results": set(),
    }[table]
    rolled_back.execute("SAVEPOINT complete")
    for name in used - added:
        rolled_back.execute(f"ALTER TABLE {table} DROP COLUMN {name} CASCADE")
        differences = refused(lambda: rolled_back.execute(SCHEMA.read_text()))
        assert [line for line in differences if line.startswith(f"{table}.{name}: found nothing, needed ")]
        rolled_back.execute("ROLLBACK TO SAVEPOINT complete")
    for name in added:
        rolled_back.execute(f"ALTER TABLE {table} DROP COLUMN {name} CASCADE")
    rolled_back.execute(SCHEMA.read_text().replace("COMMIT;", ""))
    rolled_back.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass", (table,))
    assert {name for (name,) in rolled_back.fetchall()} >= used


def test_the_workers_tables_can_have_a_schema_of_their_own_beside_another_programs(
    database_url: str, bare_sql: Sql
) -> None:
    bare_sql(ANOTHER_PROGRAMS_TABLES)
    bare_sql("CREATE SCHEMA cvitx; ALTER TABLE videos ALTER COLUMN error_msg TYPE text")
    before = shape(bare_sql)
    url = f"{database_url}{'&' if '?' in database_url else '?'}options=-csearch_path%3Dcvitx,public"
    for _ in range(2):
        provision.tables(url)
    added = [row for row in shape(bare_sql) if row not in before]
    assert {row["table_name"] for row in added if "column_name" in row} == {"videos"}, "in public"
    assert bare_sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'cvitx'::regnamespace AND relkind = 'r' ORDER BY 1"
    ) == [
        {"relname": name}
        for name in ("camera_settings", "image_analyses", "image_analysis_results", "stage_checkpoints", "video_runs")
    ]
    for probe in (write_probe.stage_one, write_probe.stage_two):
        database = Database(url, "test", probe)
        database.ping()
        database.close()


def test_a_search_path_without_a_schema_is_reported(database_url: str, bare_sql: Sql) -> None:
    bare_sql("DROP SCHEMA public")
    with pytest.raises(errors.RaiseException, match=r'search_path is ".*public": none of its schemas exists'):
        provision.tables(database_url)


def test_hosts_that_run_it_at_the_same_time_wait_for_each_other(database_url: str, bare_sql: Sql) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(provision.tables, [database_url] * 4))
    assert columns(bare_sql, "image_analyses") == used_columns(ANALYSES) | {"created_at"}


def test_a_role_that_owns_nothing_may_run_it_where_nothing_is_missing(database_url: str, sql: Sql) -> None:
    provision.tables(f"{database_url}{'&' if '?' in database_url else '?'}options=-crole%3Dpg_monitor")
    sql("ALTER TABLE videos DROP COLUMN error_code")
    with pytest.raises(errors.InsufficientPrivilege, match="must be owner of table videos"):
        provision.tables(f"{database_url}{'&' if '?' in database_url else '?'}options=-crole%3Dpg_monitor")


@pytest.mark.parametrize("options", [[], ["--single-transaction"]])
def test_psql_runs_the_file_as_the_documentation_says(database_url: str, bare_sql: Sql, options: list[str]) -> None:
    command = [psql(), database_url, "-v", "ON_ERROR_STOP=1", *options, "-f", str(SCHEMA)]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True)
    assert columns(bare_sql, "videos") >= {"attempt_state", "error_code"}


@pytest.mark.parametrize(
    ("accesses", "unused"),
    [
        ((videos.ACCESS,), {"file_name", "camera_label"}),
        (ANALYSES, {"created_at"}),
        ((image_analysis_results.ACCESS,), {"id", "created_at"}),
    ],
    ids=("videos", "image_analyses", "image_analysis_results"),
)
def test_the_probes_check_every_column_that_the_workers_use(
    sql: Sql, accesses: tuple[TableAccess, ...], unused: set[str]
) -> None:
    assert used_columns(accesses) == columns(sql, accesses[0].name) - unused


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

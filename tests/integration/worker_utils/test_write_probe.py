"""The write probes over a real PostgreSQL: each grant, column, constraint and policy that the workers need."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, astuple
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from psycopg2.extensions import make_dsn

from video_analysis.tests.support.video_task import TASK, VIDEO, WORKSPACE
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db import image_analyses, image_analysis_results, videos, write_probe
from video_analysis.worker_utils.db.access import PRIVILEGES, TableAccess
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import AnalysisRequest, FinishedAnalysis, snapshot_columns
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import EnvironmentFault, ErrorCode, Permanent, Transient, WorkerError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Sql = Callable[..., list[dict[str, Any]]]
Probe = Callable[["Cursor"], None]
STAGE_ONE, STAGE_TWO = write_probe.stage_one, write_probe.stage_two
ACCESSES: dict[Probe, tuple[TableAccess, ...]] = {
    STAGE_ONE: (videos.ACCESS, image_analyses.CLAIM_ACCESS),
    STAGE_TWO: (image_analyses.ANALYSIS_ACCESS, image_analysis_results.ACCESS),
}
MESSAGE = snapshot_ready(SnapshotUri("bucket", WORKSPACE, VIDEO, "CTX1005", "CAM1", 1, 80), None, "SUV")
FOREIGN_KEY = "ALTER TABLE image_analyses ADD FOREIGN KEY (video_id) REFERENCES videos (id)"
FOREIGN_KEYS = f"""
CREATE TABLE workspaces (code text PRIMARY KEY); INSERT INTO workspaces VALUES ('CTX1005');
ALTER TABLE image_analyses ADD FOREIGN KEY (workspace_code) REFERENCES workspaces (code);
{FOREIGN_KEY};
"""
OTHER_VIDEO = "11111111-2222-3333-4444-555555555555"
VIDEOS = """
INSERT INTO videos (id, workspace_id, workspace_code, camera_code, s3_key_raw) VALUES
    (%s, %s, 'front door', NULL, 'k'), (%s, %s, 'CTX1005', 'CAM1', 'k')
"""
"""The first row is another program's: its codes are not ours."""
POLICY = "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON {table} {policy}"


def insert_videos(sql: Sql) -> None:
    sql(VIDEOS, OTHER_VIDEO, WORKSPACE, VIDEO, WORKSPACE)


@pytest.fixture
def role(database_url: str, sql: Sql) -> Iterator[str]:
    """A role of the test's own, without grants; a video and its first snapshot are in the database."""
    name = f"worker_{uuid.uuid4().hex[:8]}"
    sql(f"CREATE ROLE {name} LOGIN")
    insert_videos(sql)
    first = snapshot_ready(SnapshotUri("bucket", WORKSPACE, VIDEO, "CTX1005", "CAM1", 7, 40), None, "SUV")
    sql(image_analyses.INSERT, *astuple(snapshot_columns(first)), "earlier run", None, None)
    yield name
    sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def grant(sql: Sql, role: str, probe: Probe) -> None:
    """Exactly the grants that the probe's worker needs."""
    for access in ACCESSES[probe]:
        for privilege in PRIVILEGES:
            if names := access.columns(privilege):
                sql(f"GRANT {privilege} ({', '.join(names)}) ON {access.name} TO {role}")


def database(url: str, role: str, probe: Probe) -> Database:
    return Database(make_dsn(url, user=role), "test", probe)


def work(database: Database, probe: Probe) -> None:
    """Each transaction of the worker, on one message."""
    repository = ImageAnalysisRepository(database)
    if probe is STAGE_ONE:
        own = VideoRepository(database)
        own.begin(TASK, receive_count=1, is_last=False)
        for run in ("run", "run", "another run"):
            repository.claim(MESSAGE, run, None)
        repository.mark_send_denied(MESSAGE.snapshot_s3_key, Transient("why", code="transient"))
        repository.mark_sent(MESSAGE.snapshot_s3_key)
        own.fail(VIDEO, WORKSPACE, Transient("why"), final=True)
        own.finish(TASK)
    else:
        request = AnalysisRequest(**asdict(snapshot_columns(MESSAGE)), receive_count=1, is_last=False)
        (state,) = repository.begin_analyses([request])
        repository.mark_isolated_retry(state.id)
        repository.fail_analysis(MESSAGE.snapshot_s3_key, Transient("why"), final=True)
        repository.finish_analyses([FinishedAnalysis(state.id, (write_probe.RESULT,))])


@pytest.mark.parametrize("probe", [STAGE_ONE, STAGE_TWO])
def test_the_listed_grants_are_enough_and_each_missing_one_is_named_with_its_statement(
    database_url: str, role: str, sql: Sql, probe: Probe
) -> None:
    grant(sql, role, probe)
    with closing(database(database_url, role, probe)) as limited:
        limited.ping()
        work(limited, probe)
        for access in ACCESSES[probe]:
            for privilege in PRIVILEGES:
                for column in access.columns(privilege):
                    sql(f"REVOKE {privilege} ({column}) ON {access.name} FROM {role}")
                    with pytest.raises(EnvironmentFault) as fault:
                        limited.ping()
                    assert f": GRANT {privilege} ({column}) ON {access.name} TO {role}, " in str(fault.value)
                    assert fault.value.code == "permission_denied"
                    sql(f"GRANT {privilege} ({column}) ON {access.name} TO {role}")
        limited.ping()


def test_a_probe_leaves_no_row_behind_and_changes_none(database_url: str, sql: Sql) -> None:
    insert_videos(sql)
    before = sql("SELECT * FROM videos")
    for probe in (STAGE_ONE, STAGE_TWO):
        with closing(Database(database_url, "test", probe)) as own:
            own.ping()
    assert sql("SELECT * FROM image_analyses") == sql("SELECT * FROM image_analysis_results") == []
    assert sql("SELECT * FROM videos") == before


ENUM = "ALTER TYPE {enum} RENAME VALUE '{label}' TO 'renamed'"
BOTH, FIRST, SECOND = (STAGE_ONE, STAGE_TWO), (STAGE_ONE,), (STAGE_TWO,)
DRIFTS: list[tuple[tuple[Probe, ...], str, ErrorCode, str]] = [
    (BOTH, "ALTER TABLE image_analyses ADD tenant text NOT NULL", "schema_mismatch", "image_analyses.tenant: NOT NULL"),
    (
        SECOND,
        "ALTER TABLE image_analysis_results ADD tenant int NOT NULL",
        "schema_mismatch",
        "image_analysis_results.tenant: NOT NULL",
    ),
    (BOTH, "ALTER TABLE image_analyses ALTER id DROP DEFAULT", "schema_mismatch", "image_analyses.id: NOT NULL"),
    (BOTH, "ALTER TABLE image_analyses ALTER recorded_at SET NOT NULL", "schema_mismatch", '"recorded_at"'),
    (BOTH, "ALTER TABLE image_analyses ALTER error_msg SET NOT NULL", "schema_mismatch", "image_analyses.error_msg"),
    (FIRST, ENUM.format(enum="video_status_enum", label="processing"), "schema_mismatch", 'enum: "processing"'),
    (FIRST, ENUM.format(enum="video_status_enum", label="done"), "schema_mismatch", 'enum: "done"'),
    (FIRST, ENUM.format(enum="video_status_enum", label="error"), "schema_mismatch", 'enum: "error"'),
    (BOTH, ENUM.format(enum="analysis_status_enum", label="queued"), "schema_mismatch", 'enum: "queued"'),
    (SECOND, ENUM.format(enum="analysis_status_enum", label="processing"), "schema_mismatch", 'enum: "processing"'),
    (SECOND, ENUM.format(enum="analysis_status_enum", label="done"), "schema_mismatch", 'enum: "done"'),
    (SECOND, ENUM.format(enum="analysis_status_enum", label="error"), "schema_mismatch", 'enum: "error"'),
    (BOTH, "ALTER TABLE image_analyses ADD CONSTRAINT vans CHECK (yolo_type = 'Van')", "schema_mismatch", '"vans"'),
    (FIRST, "CREATE UNIQUE INDEX ON image_analyses (video_id, track_id)", "schema_mismatch", "unique keys"),
    (
        SECOND,
        "ALTER TABLE image_analysis_results DROP CONSTRAINT image_analysis_results_analysis_id_variant_key",
        "database_failed",
        "ON CONFLICT",
    ),
    (SECOND, "ALTER TABLE image_analysis_results DROP COLUMN gflops", "schema_outdated", "results.gflops"),
    (
        FIRST,
        "ALTER TABLE videos DROP COLUMN processing_finished_at",
        "schema_outdated",
        "videos.processing_finished_at",
    ),
    (FIRST, "ALTER TABLE videos RENAME TO films", "schema_outdated", '"videos" does not exist'),
]


@pytest.mark.parametrize("foreign_keys", ["", FOREIGN_KEYS], ids=["", "foreign keys"])
@pytest.mark.parametrize(("probes", "drift", "code", "named"), DRIFTS, ids=[drift for _, drift, *_ in DRIFTS])
def test_a_schema_that_refuses_every_row_is_found_by_the_probe_and_in_the_middle_of_work(
    database_url: str,
    sql: Sql,
    probes: tuple[Probe, ...],
    drift: str,
    code: ErrorCode,
    named: str,
    foreign_keys: str,
) -> None:
    insert_videos(sql)
    sql(f"{foreign_keys} {drift}")
    for probe in probes:
        with closing(Database(database_url, "test", probe)) as own:
            for attempt in (own.ping, partial(work, own, probe)):
                with pytest.raises(EnvironmentFault) as fault:
                    attempt()
                assert (fault.value.code, named in str(fault.value)) == (code, True), str(fault.value)
                assert "\n" not in str(fault.value)


POLICIES: list[tuple[Probe, str, str, str]] = [
    (STAGE_ONE, "videos", "FOR INSERT WITH CHECK (true)", "hides rows of videos"),
    (STAGE_ONE, "videos", "FOR SELECT USING (true)", "hides rows of videos"),
    (STAGE_ONE, "image_analyses", "FOR SELECT USING (true)", 'security policy for table "image_analyses"'),
    (STAGE_ONE, "image_analyses", "FOR INSERT WITH CHECK (true)", "hides rows of image_analyses"),
    (STAGE_TWO, "image_analyses", "FOR SELECT USING (true)", 'security policy for table "image_analyses"'),
    (STAGE_TWO, "image_analyses", "USING (status = 'queued') WITH CHECK (true)", 'policy for table "image_analyses"'),
    (STAGE_TWO, "image_analysis_results", "FOR SELECT USING (true)", 'policy for table "image_analysis_results"'),
]


@pytest.mark.parametrize("foreign_keys", ["SELECT 1", FOREIGN_KEYS], ids=["", "foreign keys"])
@pytest.mark.parametrize(("probe", "table", "policy", "named"), POLICIES)
def test_row_level_security_that_refuses_or_hides_rows_is_found_by_the_probe_and_in_the_middle_of_work(
    database_url: str, role: str, sql: Sql, probe: Probe, table: str, policy: str, named: str, foreign_keys: str
) -> None:
    grant(sql, role, probe)
    sql(foreign_keys)
    with closing(database(database_url, role, probe)) as limited:
        limited.ping()
        sql(POLICY.format(table=table, policy=policy))
        for attempt in (partial(work, limited, probe), limited.ping):
            with pytest.raises(EnvironmentFault, match=named) as fault:
                attempt()
            assert fault.value.code == "permission_denied"
        sql(f"CREATE POLICY workers ON {table} TO {role} USING (true)")
        limited.ping()
        work(limited, probe)


def test_policies_that_hide_every_existing_video_are_found(database_url: str, role: str, sql: Sql) -> None:
    grant(sql, role, STAGE_ONE)
    sql(POLICY.format(table="videos", policy="USING (false)"))
    sql("SELECT pg_stat_force_next_flush()")
    with closing(database(database_url, role, STAGE_ONE)) as limited:
        with pytest.raises(EnvironmentFault, match=f"hides rows of videos from the role {role}: CREATE POLICY"):
            limited.ping()
        sql("DELETE FROM videos; SELECT pg_stat_force_next_flush()")
        limited.ping()


REFUSALS: list[tuple[str, type[WorkerError]]] = [
    ("ALTER TABLE image_analyses ADD CONSTRAINT others CHECK (workspace_code <> 'CTX1005')", Permanent),
    (FOREIGN_KEY, Permanent),
]


@pytest.mark.parametrize(("constraint", "fault"), REFUSALS)
def test_a_constraint_that_refuses_one_message_alone_pauses_nothing(
    database_url: str, sql: Sql, constraint: str, fault: type[WorkerError]
) -> None:
    sql(constraint)
    with closing(Database(database_url, "test", STAGE_ONE)) as own:
        own.ping()
        with pytest.raises(fault) as caught:
            work(own, STAGE_ONE)
        assert caught.value.code == "data_refused"


@pytest.mark.parametrize(
    ("probe", "drift", "named"),
    [
        (STAGE_ONE, "CREATE UNIQUE INDEX ON image_analyses (video_id, track_id)", "unique keys"),
        (STAGE_TWO, ENUM.format(enum="analysis_status_enum", label="done"), 'enum: "done"'),
    ],
)
def test_behind_a_foreign_key_the_probe_is_complete_as_soon_as_there_is_a_video(
    database_url: str, sql: Sql, probe: Probe, drift: str, named: str
) -> None:
    sql(f"{FOREIGN_KEYS} {drift}")
    with closing(Database(database_url, "test", probe)) as own:
        own.ping()
        insert_videos(sql)
        with pytest.raises(EnvironmentFault, match=named):
            own.ping()

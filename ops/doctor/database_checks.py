"""The database, by the probes with which the workers start: with the role that libpq uses here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from video_analysis.ops.doctor.finding import Check, MissingOption
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db import access, camera_settings, stage_checkpoints, video_runs, write_probe
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

CONNECTION = "database connection"
FACTS = "SELECT current_setting('server_version'), current_user, current_database()"
OPTIONAL = (
    (video_runs.ACCESS, "no runs, no progress and no `watch`"),
    (stage_checkpoints.ACCESS, "an interrupted video begins at its first frame"),
    (camera_settings.ACCESS, "no settings per camera"),
)


def checks(config: WorkerConfig) -> Iterable[Check]:
    """The connection, the statements of each worker, and the optional tables."""
    database = Database(config.database_url, "cvitx-doctor")
    yield Check(CONNECTION, lambda: _connection(database))
    for worker, probe in (("yolo_worker", write_probe.stage_one), ("main_worker", write_probe.stage_two)):
        yield Check(f"database {worker}", partial(_statements, config, probe), CONNECTION)
    for table, lost in OPTIONAL:
        yield Check(f"database {table.name}", partial(_optional, database, table, lost), CONNECTION)


def _connection(database: Database) -> str:
    def read(cursor: Cursor) -> tuple[str, str, str]:
        cursor.execute(FACTS)
        ((version, role, name),) = cursor.fetchall()
        return version, role, name

    return "PostgreSQL {}, role {}, database {}".format(*database.transaction(read))


def _statements(config: WorkerConfig, probe: Callable[[Cursor], None]) -> str:
    """Every statement of a worker, rolled back."""
    database = Database(config.database_url, "cvitx-doctor", probe)
    try:
        database.ping()
    finally:
        database.close()
    return "tables, columns and grants"


def _optional(database: Database, table: TableAccess, lost: str) -> str:
    lacking = database.transaction(lambda cursor: access.missing(cursor, table))
    if lacking is not None:
        raise MissingOption(f"without it, {lost}: {lacking}", "run `ops setup --only tables --only grants`")
    return "columns and grants"

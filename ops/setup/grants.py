"""The grants of the workers' database role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_utils.db import (
    camera_settings,
    image_analyses,
    image_analysis_results,
    stage_checkpoints,
    video_runs,
    videos,
)
from video_analysis.worker_utils.db.access import PRIVILEGES, TableAccess
from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

NEEDED: tuple[TableAccess, ...] = (
    videos.ACCESS,
    image_analyses.CLAIM_ACCESS,
    image_analyses.ANALYSIS_ACCESS,
    image_analysis_results.ACCESS,
    video_runs.ACCESS,
    stage_checkpoints.ACCESS,
    camera_settings.ACCESS,
)
"""What both workers need, with the optional tables."""
LACKING = """
SELECT to_regclass(%s) IS NULL OR EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = ANY (%s) AND NOT attisdropped
    AND NOT has_column_privilege(%s, attrelid, attnum, %s))
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement."""

    privileges: tuple[str, ...]
    table: str

    def statement(self, role: str) -> str:
        """The statement, for a person to run."""
        return f"GRANT {', '.join(self.privileges)} ON {self.table} TO {role}"


class Grants:
    """The grants of one role."""

    def __init__(self, database: Database, role: str) -> None:
        self._database = database
        self._role = role

    @property
    def name(self) -> str:
        """The role."""
        return f"grants of role {self._role}"

    def differences(self) -> Sequence[Difference]:
        """The statements that are missing. CommandError if there is no such role."""
        lacking = self._database.transaction(lambda cursor: _lacking(cursor, self._role))
        return [Difference(grant.table, "no grant", grant.statement(self._role)) for grant in lacking]

    def apply(self, _: Sequence[Difference]) -> None:
        """See `Resource`."""

        def grant(cursor: Cursor) -> None:
            for one in _lacking(cursor, self._role):
                privileges = sql.SQL(", ").join(map(sql.SQL, one.privileges))
                names = sql.Identifier(one.table), sql.Identifier(self._role)
                cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(privileges, *names))

        self._database.transaction(grant)


def _lacking(cursor: Cursor, role: str) -> list[Grant]:
    """The grants that the role lacks, one per table, also of tables that do not exist yet."""
    cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (role,))
    if cursor.fetchone() != (True,):
        raise CommandError(f"there is no role {role}: CREATE ROLE {role} LOGIN, or name another one with --role")
    found: dict[str, list[str]] = {}
    for table, privilege, columns in _needed():
        cursor.execute(LACKING, (table, table, columns, role, privilege))
        if cursor.fetchone() == (True,) and privilege not in found.setdefault(table, []):
            found[table].append(privilege)
    return [Grant(tuple(privileges), table) for table, privileges in found.items()]


def _needed() -> Iterable[tuple[str, str, list[str]]]:
    for access in NEEDED:
        for privilege in PRIVILEGES:
            if columns := access.columns(privilege):
                yield access.name, privilege, list(columns)

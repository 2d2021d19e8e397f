"""What a worker needs of each table: columns, grants and visible rows, compared with PostgreSQL's catalogue.

PostgreSQL's own error names only the table of a missing grant. Here each missing column and grant is named, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from video_analysis.worker_utils.errors import EnvironmentFault

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Privilege = Literal["SELECT", "INSERT", "UPDATE"]
PRIVILEGES: tuple[Privilege, ...] = ("SELECT", "INSERT", "UPDATE")
THEN = "then polling continues"

COLUMNS = """
SELECT a.attname,
    a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL,
    has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
    has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
    has_column_privilege(a.attrelid, a.attnum, 'UPDATE')
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
POLICIES = """
SELECT row_security_active(c.oid), current_user, pg_stat_get_live_tuples(c.oid) > 0, ARRAY(
    SELECT DISTINCT p.polcmd::text FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
        AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM unnest(p.polroles) r WHERE r > 0 AND pg_has_role(r, 'USAGE'))))
FROM pg_class c WHERE c.oid = %s::regclass
"""


@dataclass(frozen=True, slots=True)
class TableAccess:
    """The columns of one table that a worker reads, fills in new rows, and changes."""

    name: str
    select: tuple[str, ...] = ()
    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()

    def columns(self, privilege: Privilege) -> tuple[str, ...]:
        """The columns for which this privilege is needed."""
        return {"SELECT": self.select, "INSERT": self.insert, "UPDATE": self.update}[privilege]

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every column, once."""
        return tuple(dict.fromkeys((*self.insert, *self.update, *self.select)))


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    must_be_filled: bool
    """NOT NULL without a default."""
    granted: frozenset[Privilege]


def check(cursor: Cursor, tables: Iterable[TableAccess]) -> None:
    """EnvironmentFault that names every missing column, or every column to be filled, or every missing grant.

    Fails with PostgreSQL's own error if a table does not exist or its schema may not be used.
    """
    found = {table: _columns(cursor, table.name) for table in tables}
    missing = [f"{table.name}.{name}" for table, columns in found.items() for name in _missing(table, columns)]
    if missing:
        raise EnvironmentFault(
            f"the database lacks {', '.join(missing)}: run schemas/database.sql, {THEN}", code="schema_outdated"
        )
    unfilled = [f"{table.name}.{name}" for table, columns in found.items() for name in _unfilled(table, columns)]
    if unfilled:
        raise EnvironmentFault(
            f"{', '.join(unfilled)}: NOT NULL without a default, and the workers do not fill it, so every row would be "
            f"refused: ALTER TABLE … ALTER COLUMN … SET DEFAULT …, or DROP NOT NULL, {THEN}",
            code="schema_mismatch",
        )
    grants = [grant for table, columns in found.items() for grant in _missing_grants(table, columns)]
    if grants:
        role = _current_user(cursor)
        statements = "; ".join(f"GRANT {grant} TO {role}" for grant in grants)
        raise EnvironmentFault(f"the role {role} lacks grants: {statements}, {THEN}", code="permission_denied")


def missing(cursor: Cursor, table: TableAccess) -> str | None:
    """What a role lacks to use an optional table, with the remedy; None if nothing. The transaction stays usable."""
    cursor.execute("SELECT to_regclass(%s) IS NULL", (table.name,))
    if cursor.fetchone() == (True,):
        return f"the database lacks {table.name}: run schemas/database.sql"
    try:
        check(cursor, (table,))
    except EnvironmentFault as fault:
        return str(fault).removesuffix(f", {THEN}")
    return None


def check_visible(cursor: Cursor, table: str) -> None:
    """EnvironmentFault if row-level security hides every row of a table that is not empty.

    A policy that hides only some rows is not found: it is as if those rows did not exist.
    """
    cursor.execute(POLICIES, (table,))
    ((active, _, filled, commands),) = cursor.fetchall()
    if not active:
        return
    permitted = all("*" in commands or command in commands for command in ("r", "w"))
    cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # a constant of this package
    if not permitted or (filled and cursor.fetchone() is None):
        raise hidden_rows(cursor, table)


def hidden_rows(cursor: Cursor, table: str) -> EnvironmentFault:
    """The fault for a row that was written and cannot be found, or not be changed, in the same transaction."""
    cursor.execute(POLICIES, (table,))
    ((active, role, *_),) = cursor.fetchall()
    if not active:
        text = f"{table} does not keep a new row: compare its unique keys and triggers with schemas/database.sql"
        return EnvironmentFault(f"{text}, {THEN}", code="schema_mismatch")
    text = f"row-level security hides rows of {table} from the role {role}"
    return EnvironmentFault(f"{text}: {policy_remedy(table, role)}, {THEN}", code="permission_denied")


def policy_remedy(table: str, role: str) -> str:
    """The statement that lifts row-level security for the workers' role."""
    return f"CREATE POLICY workers ON {table} TO {role} USING (true), or ALTER ROLE {role} BYPASSRLS"


def _columns(cursor: Cursor, table: str) -> dict[str, _Column]:
    cursor.execute(COLUMNS, (table,))
    return {
        name: _Column(name, must_be_filled, frozenset(p for p, has in zip(PRIVILEGES, has_it, strict=True) if has))
        for name, must_be_filled, *has_it in cursor.fetchall()
    }


def _missing(table: TableAccess, found: dict[str, _Column]) -> list[str]:
    return [name for name in table.all_columns if name not in found]


def _unfilled(table: TableAccess, found: dict[str, _Column]) -> list[str]:
    if not table.insert:
        return []
    return [column.name for column in found.values() if column.must_be_filled and column.name not in table.insert]


def _missing_grants(table: TableAccess, found: dict[str, _Column]) -> list[str]:
    """`UPDATE ON videos`, or `UPDATE (status, error_msg) ON videos` if other columns are granted."""
    grants = []
    for privilege in PRIVILEGES:
        needed = table.columns(privilege)
        lacking = [name for name in needed if privilege not in found[name].granted]
        if lacking:
            grants.append(f"{privilege}{_column_list(lacking, needed)} ON {table.name}")
    return grants


def _column_list(lacking: Sequence[str], needed: Sequence[str]) -> str:
    return "" if len(lacking) == len(needed) else f" ({', '.join(lacking)})"


def _current_user(cursor: Cursor) -> str:
    cursor.execute("SELECT current_user")
    ((role,),) = cursor.fetchall()
    return str(role)

"""The tables: schemas/database.sql, and what it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import psycopg2

from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

FILE = PACKAGE_FOLDER / "schemas" / "database.sql"
OBJECTS = """
WITH ours AS (
    SELECT * FROM pg_class AS c WHERE pg_table_is_visible(c.oid) AND relnamespace <> 'pg_catalog'::regnamespace)
SELECT relname, relname, 'a table' FROM ours WHERE relkind IN ('r', 'p')
UNION ALL
SELECT relname, relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
FROM ours JOIN pg_attribute AS a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE relkind IN ('r', 'p')
UNION ALL
SELECT indrelid::regclass::text, relname, pg_get_indexdef(ours.oid) FROM ours JOIN pg_index ON indexrelid = ours.oid
UNION ALL
SELECT relname, relname, 'view ' || pg_get_viewdef(oid) FROM ours WHERE relkind = 'v'
"""
"""Table, object and definition of each table, column, index and view."""
UNDO = "ROLLBACK TO SAVEPOINT before_tables"


class Tables:
    """The tables of the workers in the database of the settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """The file."""
        return "tables of schemas/database.sql"

    def differences(self) -> Sequence[Difference]:
        """What the file would change: it is run, compared and rolled back. CommandError if it ends with an error."""
        found, needed = self._database.transaction(_tried)
        return [
            Difference(name, _one_line(found.get((table, name), "none")), _one_line(definition))
            for (table, name), definition in sorted(needed.items())
            if found.get((table, name)) != definition and ((table, table) in found or name == table)
        ]

    def apply(self, _: Sequence[Difference]) -> None:
        """See `Resource`."""
        self._database.transaction(_run)


Objects = Mapping[tuple[str, str], str]
"""(table, object) → definition."""


def _tried(cursor: Cursor) -> tuple[Objects, Objects]:
    """The objects before and after the file."""
    before = _objects(cursor)
    cursor.execute("SAVEPOINT before_tables")
    _run(cursor)
    after = _objects(cursor)
    cursor.execute(UNDO)
    return before, after


def _objects(cursor: Cursor) -> Objects:
    cursor.execute(OBJECTS)
    return {(table, name): definition for table, name, definition in cursor.fetchall()}


def _run(cursor: Cursor) -> None:
    """Run the file in the transaction of the caller."""
    try:
        cursor.execute(_statements())
    except psycopg2.errors.RaiseException as error:  # the file's own comparison
        detail = error.diag.message_detail or ""
        hint = error.diag.message_hint or ""
        raise CommandError(f"{error.diag.message_primary}\n{detail}\n{hint}".rstrip()) from error


def _statements() -> str:
    """The file without its BEGIN and COMMIT."""
    lines = FILE.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line not in ("BEGIN;", "COMMIT;"))


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return f"{words[:57]}…" if len(words) > 60 else words

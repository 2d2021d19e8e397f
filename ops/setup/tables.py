"""The tables: schemas/database.sql, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
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
SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND c.relnamespace <> 'pg_catalog'::regnamespace
UNION ALL
SELECT c.relname, CASE c.relkind WHEN 'i' THEN pg_get_indexdef(c.oid) ELSE 'view ' || pg_get_viewdef(c.oid) END
FROM pg_class AS c
WHERE c.relkind IN ('i', 'v') AND pg_table_is_visible(c.oid) AND c.relnamespace <> 'pg_catalog'::regnamespace
ORDER BY 1
"""
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
        before, after = self._database.transaction(_tried)
        found, needed = dict(before), dict(after)
        return [
            Difference(name, _one_line(found.get(name, "none")), _one_line(needed.get(name, "none")))
            for name in sorted({*found, *needed})
            if found.get(name) != needed.get(name)
        ]

    def apply(self, _: Sequence[Difference]) -> None:
        """See `Resource`."""
        self._database.transaction(_run)


def _tried(cursor: Cursor) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The objects before and after the file."""
    cursor.execute(OBJECTS)
    before = cursor.fetchall()
    cursor.execute("SAVEPOINT before_tables")
    _run(cursor)
    cursor.execute(OBJECTS)
    after = cursor.fetchall()
    cursor.execute(UNDO)
    return before, after


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

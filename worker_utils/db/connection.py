"""The connection to PostgreSQL: one transaction at a time, with errors mapped to the failure taxonomy.

The statements are in the modules of the tables. A pooler in transaction mode may lie between: no statement changes the
session, prepares a statement, takes an advisory lock or listens.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import parse_dsn

from video_analysis.worker_utils.errors import (
    ConfigurationError,
    EnvironmentFault,
    ErrorCode,
    Permanent,
    Transient,
    WorkerError,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Result = TypeVar("Result")
ATTEMPTS = 3
CONNECT_TIMEOUT_S = 10
SETTINGS = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '20s'; SET LOCAL timezone = 'UTC'"
"""Per transaction: behind a pooler in transaction mode, a setting of the session would apply to other clients."""

_RETRY_AT_ONCE = frozenset(
    {errorcodes.DEADLOCK_DETECTED, errorcodes.SERIALIZATION_FAILURE, errorcodes.UNIQUE_VIOLATION}
)
"""A unique key is violated only if another writer inserted the row between two statements: a retry finds that row."""
_RETRY_LATER = frozenset({errorcodes.LOCK_NOT_AVAILABLE, errorcodes.QUERY_CANCELED}) | _RETRY_AT_ONCE
_BAD_DATA_CLASSES = ("22", "23")
_OUTDATED_SCHEMA = frozenset({errorcodes.UNDEFINED_TABLE, errorcodes.UNDEFINED_COLUMN})
_DIAGNOSED: frozenset[ErrorCode] = frozenset(
    {"data_refused", "row_vanished", "schema_outdated", "schema_mismatch", "permission_denied"}
)
"""Failures after which the probe decides whether every message would fail, and names the cause."""

log = logging.getLogger(__name__)


class Transactions(Protocol):
    """Runs work in a transaction."""

    def transaction(self, work: Callable[[Cursor], Result]) -> Result:
        """The result of `work`."""

    def ping(self) -> None:
        """EnvironmentFault while no transaction can succeed."""


class OpenTransaction:
    """A transaction that has already begun. The caller that began it ends it."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def transaction(self, work: Callable[[Cursor], Result]) -> Result:
        """The result of `work`."""
        return work(self._cursor)

    def ping(self) -> None:
        """Does nothing: the connection is in use."""


class Database:
    """One lazily opened connection, one transaction at a time. Thread-safe.

    ConfigurationError if the URL is invalid: libpq would quote it, with its password, in each connection error.
    """

    def __init__(self, url: str, application_name: str, probe: Callable[[Cursor], None] | None = None) -> None:
        """`probe` runs the statements of the worker, see write_probe; its changes are rolled back."""
        self._probe = probe
        self._url = url
        self._secrets = _secrets(url)
        self._application_name = application_name
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def transaction(self, work: Callable[[Cursor], Result]) -> Result:
        """Run `work` in one transaction and commit. A dropped connection or a deadlock is retried at once.

        `work` must be idempotent. Raises EnvironmentFault (no server, no disk, no permission), Transient (locks,
        timeouts) or Permanent: the server rejects the data, but accepts the rows of the probe.
        """
        with self._lock:
            try:
                return self._transaction(work)
            except WorkerError as failure:
                if failure.code in _DIAGNOSED:
                    self._diagnose()
                raise

    def _transaction(self, work: Callable[[Cursor], Result]) -> Result:
        for attempt in range(1, ATTEMPTS + 1):
            connection = self._connected()
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute(SETTINGS)
                    return work(cursor)
            except psycopg2.Error as error:
                gone = bool(connection.closed) or _is_unanswered(error)
                self.close()
                if attempt == ATTEMPTS or not (gone or error.pgcode in _RETRY_AT_ONCE):
                    raise _map_sqlstate(error.pgcode or "", gone, self._one_line(error)) from error
                log.warning(
                    "database transaction is retried: %s",
                    self._one_line(error),
                    extra={"event": "database.transaction_retried", "sqlstate": error.pgcode, "attempt": attempt},
                )
        raise AssertionError("unreachable: the last attempt returns or raises")

    def ping(self) -> None:
        """EnvironmentFault while the server does not answer or the probe fails. Its changes are rolled back."""
        with self._lock:
            self._transaction(lambda cursor: cursor.execute("SELECT 1"))
            self._run_probe()

    def _diagnose(self) -> None:
        """Raise the probe's EnvironmentFault, if it has one: it names the cause, and lasts until that is corrected."""
        with suppress(Transient):
            self._run_probe()

    def _run_probe(self) -> None:
        """EnvironmentFault if the probe fails. A foreign key may refuse its rows while there is no video."""
        if self._probe is None:
            return
        try:
            self._transaction(partial(_rolled_back, self._probe))
        except Permanent as refused:
            if getattr(refused.__cause__, "pgcode", None) != errorcodes.FOREIGN_KEY_VIOLATION:
                text = f"valid rows are refused, compare the tables with schemas/database.sql: {refused}"
                raise EnvironmentFault(text, code="schema_mismatch") from refused

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = psycopg2.connect(
                    self._url,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    application_name=self._application_name,
                    keepalives_idle=30,
                    keepalives_interval=10,
                    keepalives_count=3,
                )
            except psycopg2.Error as error:
                self.close()
                text = f"database cannot be reached: {self._one_line(error)}"
                raise EnvironmentFault(text, code="database_unreachable") from error
        return self._connection

    def _one_line(self, error: psycopg2.Error) -> str:
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split()) or type(error).__name__


def _is_unanswered(error: psycopg2.Error) -> bool:
    """Whether the server sent no response. After a crash of the server psycopg2 reports the connection as open."""
    return error.pgcode is None and type(error) in (psycopg2.DatabaseError, psycopg2.OperationalError)


def _rolled_back(probe: Callable[[Cursor], None], cursor: Cursor) -> None:
    cursor.execute("SAVEPOINT probe")
    probe(cursor)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # deferred ones would be checked at the commit
    cursor.execute("ROLLBACK TO SAVEPOINT probe")


def _map_sqlstate(code: str, connection_gone: bool, text: str) -> WorkerError:
    """The failure of a transaction, by SQLSTATE (PostgreSQL manual, appendix A).

    No valid message violates a NOT NULL of our tables: another one was added.
    """
    if code in _RETRY_LATER:
        return Transient(f"database busy: {text}", code="database_busy")
    if code == errorcodes.NOT_NULL_VIOLATION:
        remedy = "give the column a default, or drop its NOT NULL"
        return EnvironmentFault(f"database failed: {text}; {remedy}", code="schema_mismatch")
    if code[:2] in _BAD_DATA_CLASSES and not connection_gone:
        return Permanent(f"database refuses the data: {text}", code="data_refused")
    if code in _OUTDATED_SCHEMA:
        return EnvironmentFault(f"database failed: {text}; run schemas/database.sql", code="schema_outdated")
    if code == errorcodes.INSUFFICIENT_PRIVILEGE:
        remedy = "grant it to this role, or let a policy admit every row"
        return EnvironmentFault(f"database failed: {text}; {remedy}", code="permission_denied")
    return EnvironmentFault(f"database failed: {text}", code="database_failed")


def _secrets(url: str) -> list[str]:
    """The URL and its password, which must not appear in any text. ConfigurationError if the URL is invalid."""
    try:
        parts = parse_dsn(url)
    except (psycopg2.Error, ValueError):
        raise ConfigurationError("CVITX_DATABASE_URL: is not a PostgreSQL URL or DSN that libpq accepts") from None
    hosts, ports = (str(parts.get(name, "")).split(",") for name in ("host", "port"))
    if any("@" in host[1:] for host in hosts) or not all(port.isdecimal() for port in ports if port):
        raise ConfigurationError(
            "CVITX_DATABASE_URL: the host or port is invalid; '@', ':', '/', '?', '#' and '%' in a password "
            "are written percent-encoded"
        )
    return [secret for secret in (url, parts.get("password")) if secret]

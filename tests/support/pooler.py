"""A real pgbouncer in transaction mode, in front of a test's PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from video_analysis.devstack.services import free_port

START_TIMEOUT_S = 30
POOLER = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
client_login_timeout = 20
default_pool_size = {server_connections}
"""


@contextmanager
def pgbouncer(database_url: str, server_connections: int = 1) -> Iterator[str]:
    """The URL of the same database through pgbouncer, whose clients share `server_connections` connections.

    Skips the test where pgbouncer is not installed.
    """
    # Debian installs it into /usr/sbin, which a user's PATH may lack.
    program = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if program is None:
        pytest.skip("no pgbouncer installed: apt-get install pgbouncer")
    parts, listen_port = parse_dsn(database_url), free_port()
    settings = POOLER.format(
        host=parts["host"],
        port=parts.get("port", 5432),
        listen_port=listen_port,
        server_connections=server_connections,
    )
    with tempfile.TemporaryDirectory(prefix="cvitx-test-pool-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ini, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
        ini.write_text(settings, "ascii")
        # It does not run as root. Only the server's own user may enter the folder of the server's socket.
        user = ["-u", Path(parts["host"]).owner()] if os.geteuid() == 0 else []
        with log.open("wb") as stream:
            process = subprocess.Popen([program, *user, str(ini)], stdout=stream, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_listens(process, listen_port, log)
            yield make_dsn(database_url, host="127.0.0.1", port=listen_port, user="postgres")
        finally:
            process.terminate()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"pgbouncer did not start: {log.read_text('utf-8', 'replace')}")

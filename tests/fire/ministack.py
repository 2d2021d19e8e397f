"""A second, stricter SQS: MiniStack takes no receipt handle but the newest, as AWS may and moto does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from video_analysis.demo import services

START_TIMEOUT_S = 60


@contextmanager
def sqs(folder: Path) -> Iterator[str]:
    """SQS as a process of its own, on 127.0.0.1 alone; gives its endpoint. 0.4 s to start, 31 MB."""
    port = services.free_port()
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | _settings(port, folder),
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(process, endpoint)
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def _settings(port: int, folder: Path) -> Mapping[str, str]:
    """Its own default is every service, on every interface, with listeners for SFTP and MQTT beside it."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": "sqs",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(folder),
    }


def _wait_until_it_answers(process: subprocess.Popen[bytes], endpoint: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"MiniStack ended at once with {process.returncode}; see its ministack.log")
        try:
            with urlopen(f"{endpoint}/_ministack/health", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"MiniStack did not answer within {START_TIMEOUT_S} s; see its ministack.log")

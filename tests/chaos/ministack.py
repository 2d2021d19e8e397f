"""A second, stricter SQS: MiniStack takes no receipt handle but the newest, as AWS may and moto does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from video_analysis.devstack import services


@contextmanager
def sqs(folder: Path) -> Iterator[str]:
    """SQS as a process of its own, on 127.0.0.1 alone; gives its endpoint. 0.4 s to start, 31 MB."""
    port = services.free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command, log = [sys.executable, "-m", "ministack"], folder / "ministack.log"
    with services.serving(command, _settings(port, folder), log, f"{endpoint}/_ministack/health"):
        yield endpoint


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

"""sd_notify against a real datagram socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from video_analysis.worker_utils.observability.systemd import READY, Notifier


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_is_notified_by_one_datagram(tmp_path: Path, abstract: bool) -> None:
    address = f"@cvitx-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        Notifier(address).send(READY, "STATUS=polling")
        assert manager.recv(1000) == b"READY=1\nSTATUS=polling"


def test_a_systemd_that_does_not_listen_is_no_reason_to_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "nobody")).send(READY)
    assert "READY=1" in caplog.text
    caplog.clear()
    Notifier(None).send(READY)
    assert caplog.text == ""

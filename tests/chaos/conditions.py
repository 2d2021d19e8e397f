"""What the outages share: workers under other settings, time that passes, a file system of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos import supervisor
from video_analysis.tests.chaos.environment import PATIENCE_S, POLL_EVERY_S, ChaosEnvironment
from video_analysis.tests.chaos.supervisor import SupervisedWorker

SHORT_DELAYS = {
    "CVITX_TRANSIENT_DELAYS_S": "2,4,8,16",
    "CVITX_MISSING_DELAYS_S": "1,2,4,8",
    "CVITX_PAUSE_FIRST_S": "1",
    "CVITX_PAUSE_LONGEST_S": "8",
}
"""The waits of the defaults (30 s and more) shortened, so that a scenario ends in seconds."""
SMALL_DISK_MB = 4


@contextmanager
def reconfigured(chaos: ChaosEnvironment, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """Both workers started anew, impatient and with `environ`; as they were when the block has ended.

    AssertionError where one of them met an exception that its taxonomy of failures does not know.
    """
    with ExitStack() as exits:
        for supervised in chaos.workers.values():
            exits.enter_context(supervised.with_settings(SHORT_DELAYS | dict(environ or {})))
        yield
        for supervised in chaos.workers.values():
            surprises = [line["message"] for line in logged(supervised) if line.get("error_code") == "unexpected"]
            assert not surprises, f"{supervised.worker} met what it does not know: {surprises}"


def logged(
    supervised: SupervisedWorker, event: str | None = None, error_code: str | None = None
) -> list[dict[str, Any]]:
    """The log lines of the running process; only those with this event code and error code, where they are given."""
    return [line for line in worker_process.lines(supervised.logs[-1]) if supervisor.matches(line, event, error_code)]


def wait_alive(chaos: ChaosEnvironment, seconds: float) -> None:
    """Time passes; a worker that ends in it is a fault."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for supervised in chaos.workers.values():
            code = supervised.running.poll()
            assert code is None, f"{supervised.worker} ended with {code}\n{supervised.log_tail()}"
        time.sleep(POLL_EVERY_S)


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Wait until it has. AssertionError when patience ends."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s, f"{what} did not come within {PATIENCE_S} s"
        time.sleep(POLL_EVERY_S)


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of a few MB, for as long as the block lasts. CalledProcessError where none may be mounted."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-disk-") as name:
        order = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", name]
        subprocess.run(order, check=True, capture_output=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def may_mount() -> bool:
    """Whether `small_disk` can be had here."""
    if shutil.which("mount") is None:
        return False
    try:
        with small_disk():
            return True
    except subprocess.CalledProcessError:
        return False


def fill(path: Path) -> None:
    """Write to a new file until its file system has no room left."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return

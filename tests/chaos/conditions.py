"""Helpers of the outage scenarios: workers with other settings, waiting, a small file system."""

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
from video_analysis.tests.chaos.environment import POLL_EVERY_S, TIMEOUT_S, ChaosEnvironment
from video_analysis.tests.chaos.supervisor import SupervisedWorker

SHORT_DELAYS = {
    "CVITX_TRANSIENT_DELAYS_S": "2,4,8,16",
    "CVITX_MISSING_DELAYS_S": "1,2,4,8",
    "CVITX_PAUSE_FIRST_S": "1",
    "CVITX_PAUSE_LONGEST_S": "8",
}
"""The default delays (30 s and more), shortened so that a scenario takes seconds."""
SMALL_DISK_MB = 4


@contextmanager
def reconfigured(chaos: ChaosEnvironment, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """Restart both workers with short delays and `environ`, and with their former settings after the block.

    AssertionError if one of them logged an unclassified exception.
    """
    with ExitStack() as exits:
        for supervised in chaos.workers.values():
            exits.enter_context(supervised.with_settings(SHORT_DELAYS | dict(environ or {})))
        yield
        for supervised in chaos.workers.values():
            surprises = [line["message"] for line in logged(supervised) if line.get("error_code") == "unexpected"]
            assert not surprises, f"{supervised.worker} logged unclassified exceptions: {surprises}"


def logged(
    supervised: SupervisedWorker, event: str | None = None, error_code: str | None = None
) -> list[dict[str, Any]]:
    """Log lines of the running process, filtered by event and error code if given."""
    return [line for line in worker_process.lines(supervised.logs[-1]) if supervisor.matches(line, event, error_code)]


def wait_ready(chaos: ChaosEnvironment) -> None:
    """Wait until both workers poll: faults that begin now hit messages, not the requests of the first probe."""
    for supervised in chaos.workers.values():
        supervised.await_event("consumer.ready", TIMEOUT_S)


def wait_alive(chaos: ChaosEnvironment, seconds: float) -> None:
    """Wait. AssertionError if a worker ends meanwhile."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for supervised in chaos.workers.values():
            code = supervised.running.poll()
            assert code is None, f"{supervised.worker} ended with {code}\n{supervised.log_tail()}"
        time.sleep(POLL_EVERY_S)


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Wait until `happened()` is true. AssertionError after TIMEOUT_S."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not happened():
        assert time.monotonic() < deadline_s, f"{what} did not come within {TIMEOUT_S} s"
        time.sleep(POLL_EVERY_S)


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of SMALL_DISK_MB for the duration of the block. CalledProcessError if mounting is not allowed."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-disk-") as name:
        order = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", name]
        subprocess.run(order, check=True, capture_output=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def may_mount() -> bool:
    """Whether `small_disk` works on this machine."""
    if shutil.which("mount") is None:
        return False
    try:
        with small_disk():
            return True
    except subprocess.CalledProcessError:
        return False


def fill(path: Path) -> None:
    """Write to a new file until its file system is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return

"""`python -m video_analysis.devstack` gives an empty environment in which setup and doctor succeed."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from video_analysis.devstack import worker_process


def run_ops(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Status and output of a command."""
    command = [sys.executable, "-m", "video_analysis.ops", *arguments]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.slow
def test_its_variables_lead_to_an_environment_that_setup_completes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "video_analysis.devstack", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            assert any(line.startswith("ready") for line in iter(server.stdout.readline, ""))
            lines = shlex.split((tmp_path / "env.sh").read_text("utf-8").replace("export ", ""))
            environ = worker_process.clean_environment() | dict(line.split("=", 1) for line in lines)
            assert environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
            status, printed = run_ops(environ, "setup", "--dry-run")
            assert (status, "differs" in printed) == (1, True)
            assert run_ops(environ, "setup", "--grant")[0] == 0
            parts = [argument for part in ("aws", "permissions", "database") for argument in ("--only", part)]
            status, printed = run_ops(environ, "doctor", *parts)
            assert status == 0, printed
            assert Path(environ["CVITX_YOLO_WEIGHTS"]).is_file()
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == worker_process.INTERRUPTED

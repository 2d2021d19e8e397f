"""Template and alert rules are accepted by the tools that their services provide."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from video_analysis.tests.support import cloudformation, prometheus_server
from video_analysis.tests.support.cloudformation import PSEUDO
from video_analysis.tests.support.monitoring import FOLDER


@pytest.mark.slow
def test_cfn_lint_finds_nothing() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    command = [str(cfn_lint), "--regions", PSEUDO["AWS::Region"], "--template", str(cloudformation.TEMPLATE)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.skipif(not prometheus_server.installed(), reason="no Prometheus installed: apt-get install prometheus")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "prometheus.yml"),
    ],
)
def test_promtool_accepts(command: tuple[str, ...]) -> None:
    ended = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr

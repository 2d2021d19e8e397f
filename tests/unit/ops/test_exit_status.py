"""The exit statuses of all commands."""

from __future__ import annotations

import pytest

from video_analysis.ops import exit_status
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_utils.errors import ConfigurationError, EnvironmentFault

FAULTS = [CommandError("a"), ConfigurationError("b"), EnvironmentFault("c")]


def failing(error: BaseException) -> None:
    raise error


def test_success_is_0_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status.run("check", lambda: None) == exit_status.OK == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", FAULTS)
def test_an_expected_error_is_2_and_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status.run("check", lambda: failing(error)) == exit_status.ERROR == 2
    assert capsys.readouterr() == ("", f"check: {error}\n")


def test_an_interruption_is_130_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status.run("check", lambda: failing(KeyboardInterrupt())) == exit_status.INTERRUPTED == 130
    assert capsys.readouterr() == ("", "check: interrupted; run it again\n")


def test_an_unexpected_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_status.run("check", lambda: failing(ZeroDivisionError()))

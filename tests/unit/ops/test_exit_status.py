"""The exit statuses of all commands."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_an_unexpected_error_is_not_the_status_of_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status.run("check", lambda: failing(ZeroDivisionError("x"))) == exit_status.UNEXPECTED == 70
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert last == "check: unexpected error, a fault of the command: ZeroDivisionError: x"


CLOSED = """
import sys
from video_analysis.ops import exit_status

def work():
    for number in range(3):
        {lines}
    sys.stderr.write("all done\\n")

sys.stdin.readline()
sys.exit(exit_status.run("check", work))
"""


def with_closed_output(program: str, *arguments: str) -> tuple[int, str]:
    """The status and stderr of Python whose stdout is closed."""
    started = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert started.stdout is not None
    started.stdout.close()
    started.stdout = None
    _, errors = started.communicate("go\n")
    return started.returncode, errors


@pytest.mark.parametrize("lines", ["print(number)", "print(number, flush=True)"])
def test_a_closed_stdout_is_2_and_one_line(lines: str) -> None:
    status, errors = with_closed_output(CLOSED.format(lines=lines))
    assert status == exit_status.ERROR
    assert errors.splitlines()[-1] == "check: the reader of stdout ended before the output did; run it again"
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_work_that_changes_something_goes_on_when_its_output_is_closed() -> None:
    lines = "with exit_status.output_may_end(): print(number)"
    assert with_closed_output(CLOSED.format(lines=lines)) == (exit_status.OK, "all done\n")


@pytest.mark.parametrize("arguments", [["--help"], ["watch", "--help"], ["check", "absent.pt", "--help"]])
def test_help_for_a_closed_stdout_has_no_traceback(arguments: list[str]) -> None:
    program = "import sys; sys.stdin.readline(); from video_analysis.ops.__main__ import main; sys.exit(main())"
    status, errors = with_closed_output(program, *arguments)
    assert status == exit_status.ERROR
    assert errors.count("\n") == 1

"""The operators' command line: list of commands, help, unknown commands, exit statuses."""

from __future__ import annotations

import runpy
import sys

import pytest

from video_analysis.ops import __main__ as ops
from video_analysis.ops import exit_status


def test_every_command_is_listed_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {name}" in printed and command.help in printed for name, command in ops.COMMANDS.items())


def test_no_command_is_a_usage_error_that_shows_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main([]) == ops.USAGE_ERROR
    assert "reclassify" in capsys.readouterr().out


def test_an_unknown_command_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["reclasify"]) == ops.USAGE_ERROR
    assert "'reclasify'" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(ops.COMMANDS))
def test_the_help_of_every_command_has_its_name_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        ops.main([name, "--help"])
    printed = capsys.readouterr().out
    assert f"python -m video_analysis.ops {name}" in " ".join(printed.split())
    _, _, examples = printed.rpartition("example")
    assert f"  python -m video_analysis.ops {name} " in examples
    assert exit_status.TEXT in " ".join(examples.split())


@pytest.mark.parametrize("name", ["check", "compare", "reclassify"])
def test_the_old_module_of_a_command_is_an_alias(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module(f"video_analysis.main_worker.{name}", run_name="__main__")
    assert f"python -m video_analysis.ops {name}" in " ".join(capsys.readouterr().out.split())

"""Environment files as programs read them: what a value becomes, and what the worker accepts or refuses of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from video_analysis.devstack import worker_process
from video_analysis.worker_config import load
from video_analysis.worker_utils.errors import ConfigurationError

SYSTEMD_PARSER = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
"""It prints the variables of environment.d/*.conf, which systemd reads by the same function as EnvironmentFile."""
REGION = "CVITX_REGION"
EXPORTED = f"export {REGION}=eu-west-1"
COMMENT = "has a comment behind the value"
CARRIAGE_RETURN = "has a carriage return"
QUOTE = "has a quote"
STARTS_IN_S = 120

needs_systemd = pytest.mark.skipif(not SYSTEMD_PARSER.is_file(), reason=f"no {SYSTEMD_PARSER}")


def sourced(file: Path) -> dict[str, str]:
    """The CVITX_ variables after `set -a; . file` in a shell."""
    command = ["bash", "-c", 'set -a; . "$1"; env -0', "bash", str(file)]
    output = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True).stdout
    pairs = (entry.partition("=") for entry in output.decode().split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("CVITX_")}


def read_by_systemd(file: Path) -> dict[str, str]:
    """The CVITX_ variables of `file` in systemd's own parser, which prints them as lines for a shell."""
    folder = file.parent / "environment.d"
    folder.mkdir()
    (folder / "a.conf").write_bytes(file.read_bytes())
    environ = {"XDG_CONFIG_HOME": str(file.parent), "HOME": str(file.parent)}
    printed = file.with_name("printed.env")
    printed.write_bytes(subprocess.run([SYSTEMD_PARSER], env=environ, capture_output=True, check=True).stdout)
    return sourced(printed)


def outcome(environ: dict[str, str]) -> str:
    """The region that a worker with this environment uses, or the reason why it does not start."""
    try:
        return load({"CVITX_ENV_OVERRIDES": "1"} | environ).region
    except ConfigurationError as error:
        return str(error)


def check(file: Path, line: str, read: Callable[[Path], dict[str, str]], expected: str) -> None:
    """`line` in a file gives the region `expected`, or a refusal that names the variable and begins so."""
    file.write_bytes(f"{line}\n".encode())
    found = outcome(read(file))
    assert found == expected or found.startswith(f"{REGION}: {expected}")


@needs_systemd
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{REGION}=eu-west-1", "eu-west-1"),
        (f'{REGION}="eu-west-1"', "eu-west-1"),
        (f"{REGION}='eu-west-1'", "eu-west-1"),
        (f"{REGION}=eu-west-1\r", "eu-west-1"),
        (f'{REGION}="eu-west-1"\r', "eu-west-1"),
        (f"  {REGION} = eu-west-1 ", "eu-west-1"),
        (f"# {REGION}=us-east-1", "ap-southeast-2"),
        (EXPORTED, "ap-southeast-2"),
        (f"{REGION}=eu-west-1 # Ireland", COMMENT),
        (f'{REGION}="eu-west-1" # Ireland', COMMENT),
        (f"{REGION}=eu-west-1 # Ireland\r", COMMENT),
        (f"{REGION}=#eu-west-1", COMMENT),
        (f'{REGION}=eu-west-1"', QUOTE),
        (f"{REGION}=“eu-west-1”", "has the character U+201C"),
        (f"{REGION}=eu-west-1\u200b", "has the character U+200B"),
    ],
)
def test_a_line_that_systemd_reads_is_accepted_or_refused_by_name(tmp_path: Path, line: str, expected: str) -> None:
    check(tmp_path / ".env", line, read_by_systemd, expected)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f'{REGION}="eu-west-1"', "eu-west-1"),
        (f"{REGION}=eu-west-1 # Ireland", "eu-west-1"),
        (f'{REGION}="eu-west-1" # Ireland', "eu-west-1"),
        (EXPORTED, "eu-west-1"),
        (f"{REGION}=eu-west-1\r", CARRIAGE_RETURN),
        (f'{REGION}="eu-west-1"\r', CARRIAGE_RETURN),
        (f"{REGION}='\"eu-west-1\"'", QUOTE),
        (f"{REGION}=", "has no value"),
        (f'{REGION}=""', "has no value"),
    ],
)
def test_a_line_that_a_shell_reads_is_accepted_or_refused_by_name(tmp_path: Path, line: str, expected: str) -> None:
    check(tmp_path / ".env", line, sourced, expected)


@pytest.mark.parametrize(
    ("line", "database_url"),
    [
        ("\"host=db password='a #b'\"", "host=db password='a #b'"),
        ('"host=db password=a# user=c"', "host=db password=a# user=c"),
        ("'postgresql://u:p#q@db/x'", "postgresql://u:p#q@db/x"),
        ("postgresql://u:p#q@db/x", "postgresql://u:p#q@db/x"),
    ],
)
@pytest.mark.parametrize("read", [pytest.param(read_by_systemd, marks=needs_systemd), sourced])
def test_a_number_sign_in_quotes_or_without_a_space_is_part_of_the_value(
    tmp_path: Path, read: Callable[[Path], dict[str, str]], line: str, database_url: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"CVITX_DATABASE_URL={line}\n")
    assert load({"CVITX_ENV_OVERRIDES": "1"} | read(file)).database_url == database_url


def test_a_worker_with_the_api_s_environment_starts_or_names_what_prevents_it_in_one_line(tmp_path: Path) -> None:
    """The name of the API's own variable is a warning; quotes and a comment in the worker's variables end the start."""
    environ = {
        "CVITX_ENV_OVERRIDES": "1",
        "CVITX_ANALYSIS_EAGER": '"1" # of the API\r',
        "CVITX_DATABASE_URL": '"postgresql://cvitx:s3cret@db/cvitx"',
        "CVITX_THREADS": "2 # one per core",
    }
    with worker_process.running("yolo_worker", environ, tmp_path) as poller:
        assert poller.process.wait(STARTS_IN_S) == 78
        log = poller.log.read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert [line["event"] for line in events] == ["worker.starting", "config.unknown_name", "worker.start_failed"]
    assert events[1]["variable"] == "CVITX_ANALYSIS_EAGER"
    assert events[2]["message"] == (
        "yolo_worker cannot start: CVITX_DATABASE_URL: has a quote that is part of the value; remove the quotes; "
        "CVITX_THREADS: has a comment behind the value; write the comment on a line of its own"
    )
    assert "s3cret" not in log
    assert "of the API" not in log

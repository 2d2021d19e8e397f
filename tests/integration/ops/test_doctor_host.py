"""`ops doctor` on a host: units that start, files that it may not read, and lines that systemd ignores."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis.ops import exit_status
from video_analysis.ops.doctor import command as doctor
from video_analysis.ops.doctor import environment_file, finding, host_checks
from video_analysis.ops.doctor.finding import Check, Fault

UNIT = """#!/bin/sh
printf 'LoadState=loaded\\nActiveState=%s\\nSubState=%s\\nNRestarts=0\\nExecMainStatus=0\\n' {state}
printf 'EnvironmentFiles=%s (ignore_errors=yes)\\n' '{file}'
"""
CHECK = "unit cvitx-yolo-video"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """--env-file sets variables of this process."""
    monkeypatch.setenv("CVITX_ENV_OVERRIDES", "1")
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def examined(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> dict[str, dict[str, str]]:
    """The findings about the host by their names."""
    assert doctor.main(["--only", "host", "--json", *arguments]) == status
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {one["check"]: one for one in found}


def systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let `systemctl` be this script."""
    program = folder / "systemctl"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("state", ["activating start", "activating start-pre", "activating start-post"])
def test_a_unit_that_is_starting_is_no_fault(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    systemctl(tmp_path, monkeypatch, UNIT.format(state=state, file=tmp_path / "absent"))
    found = examined(capsys, 0)[CHECK]
    assert found["state"] == "not checked"
    assert "it is starting" in found["text"]


def test_a_systemctl_that_does_not_answer_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    systemctl(tmp_path, monkeypatch, "#!/bin/sh\nexec tail -f /dev/null\n")
    monkeypatch.setattr(host_checks, "TIMEOUT_S", 0.05)
    assert examined(capsys, 0)[CHECK]["text"] == "systemctl did not answer within 0.05 s"


def test_a_folder_that_is_closed_to_the_user_is_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "home" / ".env"
    systemctl(tmp_path, monkeypatch, UNIT.format(state="active running", file=file))
    exists = Path.exists

    def denied(path: Path) -> bool:  # root, who may run the tests, is not denied by a mode
        if path == file:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", denied)
    found = examined(capsys, 0)
    assert found[f"{CHECK} environment"]["state"] == "not checked"
    assert found[f"{CHECK} environment"]["text"] == f"access to {tmp_path / 'home'}"
    assert found[CHECK]["state"] == "ok"


@pytest.mark.parametrize(
    ("line", "state", "status"),
    [
        ("export CVITX_REGION=eu-west-1", "fault", 1),
        ("export AWS_PROFILE=workers", "fault", 1),
        ("CVITX_REGION", "fault", 1),
        ("export SECRET=abc", "optional", 0),
        ("what is this", "optional", 0),
    ],
)
def test_a_line_that_systemd_ignores_is_a_finding_and_the_others_are_read(
    line: str, state: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / ".env"
    file.write_text(f"A=1\n{line}\nCVITX_S3_BUCKET='a-bucket'\n")
    systemctl(tmp_path, monkeypatch, UNIT.format(state="active running", file=file))
    found = examined(capsys, status, "--env-file", str(file))
    for check in (f"--env-file {file}", f"{CHECK} environment"):
        assert found[check]["state"] == state
        assert found[check]["text"] == f"systemd ignores {file}:2: `{line.partition('=')[0]}`"
    assert found["settings"]["text"] == "region ap-southeast-2, bucket a-bucket"


def test_a_file_that_systemd_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"# a comment may have any byte: \xe9\nA=1\nB=caf\xe9\n")
    assert doctor.main(["--env-file", str(file)]) == exit_status.ERROR
    assert (
        capsys.readouterr().err == f"doctor: --env-file: {file}:3: byte 0xe9 is not UTF-8: systemd refuses the file\n"
    )
    systemctl(tmp_path, monkeypatch, UNIT.format(state="active running", file=file))
    assert "0xe9" in examined(capsys, 1)[f"{CHECK} environment"]["text"]


def test_a_byte_that_no_variable_may_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\0\n")
    with pytest.raises(Fault, match=r"\.env:1: byte 0x00"):
        environment_file.read(file)


def test_a_file_that_a_check_may_not_read_is_a_fault_with_its_name() -> None:
    def read() -> str:
        raise PermissionError(13, "Permission denied", "/srv/model.pt")

    found = finding.execute(Check("main model", read))
    assert (found.state, found.text) == ("fault", "/srv/model.pt: Permission denied")
    assert "run doctor as the user of the services" in str(found.fix)

"""Disk space, and the systemd units with their environment files."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from video_analysis import worker_config
from video_analysis.ops import aws_clients
from video_analysis.ops.doctor import environment_file
from video_analysis.ops.doctor.environment_file import IgnoredLine
from video_analysis.ops.doctor.finding import Check, Fault, NotChecked
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore

UNITS = ("cvitx-yolo-video", "cvitx-main-model")
PROPERTIES = ("LoadState", "ActiveState", "SubState", "NRestarts", "ExecMainStatus", "StatusText", "EnvironmentFiles")
TIMEOUT_S = 10
STARTING = {("activating", state) for state in ("condition", "start-pre", "start", "start-post")}
"""Not `auto-restart`: the unit has ended, and waits."""
_FILE = re.compile(r"(?P<path>/.*?)(?: \(ignore_errors=(?:yes|no)\))?")


def checks(config: WorkerConfig) -> Iterable[Check]:
    """Disk and units."""
    yield Check("disk", lambda: _disk(config))
    for unit in UNITS:
        name = f"unit {unit}"
        yield Check(name, partial(_unit, unit))
        yield Check(f"{name} environment", partial(_environment, unit))


def _disk(config: WorkerConfig) -> str:
    ObjectStore.connect(aws_clients.session(config), config).check_disk()
    return f"at least {config.min_free_disk_mb} MB free for downloads"


def _unit(unit: str) -> str:
    found = _show(unit)
    state = f"{found['ActiveState']} ({found['SubState']}), {found['NRestarts']} restarts"
    if found["ActiveState"] == "active":
        return f"{state}: {found['StatusText']}" if found.get("StatusText") else state
    if (found["ActiveState"], found["SubState"]) in STARTING:
        raise NotChecked(f"{state}: it is starting, which takes minutes if models are converted; run it again")
    if found["ActiveState"] == "inactive":
        raise Fault(state, f"`sudo systemctl enable --now {unit}`")
    status = found.get("ExecMainStatus", "unknown")
    raise Fault(f"{state}, exit status {status}", f"`journalctl -u {unit} -n 20 -o cat` names the cause")


def _environment(unit: str) -> str:
    """The files of EnvironmentFile=, read as the worker would read them."""
    found = _show(unit)
    values: dict[str, str] = {}
    ignored: tuple[IgnoredLine, ...] = ()
    for path in _files(found.get("EnvironmentFiles", "")):
        file = environment_file.read(path)
        values |= file.values
        ignored += file.ignored
    worker_config.load(values)
    environment_file.check_ignored(ignored)
    names = [name for name in values if name.startswith(worker_config.PREFIX)]
    return f"{len(names)} settings"


def _files(text: str) -> Iterable[Path]:
    """The files that exist; a missing one is ignored, as the units do. NotChecked in a folder that is closed to us."""
    for line in text.splitlines():
        if match := _FILE.fullmatch(line):
            path = Path(match["path"])
            try:
                exists = path.exists()
            except PermissionError:
                raise NotChecked(f"access to {path.parent}") from None
            if exists:
                yield path


def _show(unit: str) -> Mapping[str, str]:
    """The properties of a unit. NotChecked without systemd or without the unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise NotChecked("this host has no systemctl")
    command = [systemctl, "show", unit, f"--property={','.join(PROPERTIES)}"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise NotChecked(f"systemctl did not answer within {TIMEOUT_S} s") from None
    except OSError as error:
        raise NotChecked(f"{systemctl}: {error.strerror}") from None
    if shown.returncode != 0:
        raise NotChecked(f"systemctl: {shown.stderr.partition('.')[0].strip() or 'failed'}")
    found: dict[str, str] = {}
    for line in shown.stdout.splitlines():
        name, _, value = line.partition("=")
        found[name] = f"{found[name]}\n{value}" if name in found else value
    if found.get("LoadState") != "loaded":
        raise NotChecked("this host has no such unit")
    return found

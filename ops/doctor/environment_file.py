"""Reads an environment file as systemd does: NAME=value lines, comment lines, quotes around a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from video_analysis.ops.doctor.finding import Fault, MissingOption, NotChecked

QUOTES = "\"'"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_WORKERS = re.compile(r"(export\s+)?(CVITX_|AWS_|PG)")
"""What a line begins with that was meant for the workers, boto3 or libpq."""


@dataclass(frozen=True, slots=True)
class IgnoredLine:
    """A line that systemd ignores. The value, which may be a secret, is left out."""

    where: str
    """File and line."""
    start: str
    """What is before the `=`."""

    @property
    def is_of_workers(self) -> bool:
        """Whether a setting of the workers has no effect."""
        return _OF_WORKERS.match(self.start) is not None


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What systemd reads, and what it ignores."""

    values: dict[str, str]
    ignored: tuple[IgnoredLine, ...] = ()


def read(path: Path) -> EnvironmentFile:
    """The variables. NotChecked without the right to read the file, Fault for one that systemd refuses as a whole."""
    try:
        lines = path.read_bytes().splitlines()
    except PermissionError:
        raise NotChecked(f"read access to {path}") from None
    except OSError as error:
        raise Fault(f"{path}: {error.strerror}", "correct the path") from None
    values: dict[str, str] = {}
    ignored: list[IgnoredLine] = []
    for number, line in enumerate(map(bytes.strip, lines), start=1):
        if not line or line[:1] in (b"#", b";"):
            continue
        name, separator, value = _text(line, f"{path}:{number}").partition("=")
        if separator and _NAME.fullmatch(name.strip()):
            values[name.strip()] = _unquoted(value.strip())
        else:
            ignored.append(IgnoredLine(f"{path}:{number}", name.strip()[:40]))
    return EnvironmentFile(values, tuple(ignored))


def check_ignored(lines: tuple[IgnoredLine, ...]) -> None:
    """Fault if a setting of the workers is ignored, MissingOption for another line, and nothing without any."""
    if not lines:
        return
    kind = Fault if any(line.is_of_workers for line in lines) else MissingOption
    named = "; ".join(f"{line.where}: `{line.start}`" for line in lines)
    raise kind(f"systemd ignores {named}", "write NAME=value, without `export`, or remove the line")


def _text(line: bytes, where: str) -> str:
    try:
        return line.replace(b"\0", b"\xff").decode("utf-8")  # neither can be in a variable
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise Fault(f"{where}: byte 0x{byte:02x} is not UTF-8: systemd refuses the file", "save it as UTF-8") from None


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES
    return value[1:-1] if is_quoted else value

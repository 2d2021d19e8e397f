"""Reads an environment file as systemd does: NAME=value lines, comment lines, quotes around a value."""

from __future__ import annotations

from pathlib import Path

from video_analysis.ops.doctor.finding import Fault, NotChecked

QUOTES = "\"'"


def read(path: Path) -> dict[str, str]:
    """The variables. NotChecked without the right to read the file, Fault for a line that is no assignment."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except PermissionError:
        raise NotChecked(f"read access to {path}") from None
    except OSError as error:
        raise Fault(f"{path}: {error.strerror}", "correct the path") from None
    values: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line[0] in "#;":
            continue
        name, separator, value = line.partition("=")
        if not separator or name.startswith("export "):
            raise Fault(f"{path}:{number}: is not NAME=value", "systemd ignores this line: write NAME=value")
        values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES
    return value[1:-1] if is_quoted else value

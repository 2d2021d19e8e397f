"""Every log call of the workers has an event code, and docs/event-codes.md lists exactly these codes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.observability import logs

FOLDERS = ("worker_utils", "yolo_worker", "main_worker")
CODE = re.compile(r"^[a-z_]+(\.[a-z_]+)+$")
ROW = re.compile(r"^\| `([^`]+)` \| ([A-Z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)
LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
}
OF_A_MESSAGE = {"message_id", "video_id", "track_id"}
EXPANDED = {
    "failure_fields": {"failure", "error_code"},
    "log_fields": OF_A_MESSAGE,
    "ids": OF_A_MESSAGE | {"snapshot"},
    "_labels": {"baseline", "cmt"},
}
"""The fields that `**name` or `**name(…)` adds."""
LEVELS_OF_CALLS = {"message.failed": {"INFO", "WARNING", "ERROR"}}
"""The levels of the calls that compute their level."""


@dataclass(frozen=True)
class LogCall:
    """One call of a logger in the source."""

    place: str
    method: str
    node: ast.Call

    @property
    def extra(self) -> ast.Dict | None:
        """The dictionary literal given as `extra=`."""
        given = [keyword.value for keyword in self.node.keywords if keyword.arg == "extra"]
        return given[0] if given and isinstance(given[0], ast.Dict) else None

    @property
    def event(self) -> str | None:
        """The event code, where it is a literal."""
        items = [] if self.extra is None else zip(self.extra.keys, self.extra.values, strict=True)
        codes = [value for key, value in items if isinstance(key, ast.Constant) and key.value == "event"]
        return str(codes[0].value) if len(codes) == 1 and isinstance(codes[0], ast.Constant) else None

    @property
    def message(self) -> str | None:
        """The format string, where it is a literal."""
        first = self.node.args[1 if self.method == "log" else 0]
        return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None

    @property
    def fields(self) -> set[str]:
        """The names of the fields; KeyError where an expansion is not in EXPANDED."""
        assert self.extra is not None
        names: set[str] = set()
        for key, value in zip(self.extra.keys, self.extra.values, strict=True):
            names |= {str(ast.literal_eval(key))} if key is not None else EXPANDED[_name_of(value)]
        return names - {"event"}


def _name_of(expanded: ast.expr) -> str:
    node = expanded.func if isinstance(expanded, ast.Call) else expanded
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


def log_calls(path: Path) -> Iterator[LogCall]:
    """Each call of a method of `log` in one file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(called, ast.Attribute) or called.attr not in {*LEVELS, "log"}:
            continue
        if isinstance(called.value, ast.Name) and called.value.id in ("log", "logging", "logger"):
            assert isinstance(node, ast.Call)
            yield LogCall(f"{path.relative_to(PACKAGE_FOLDER)}:{node.lineno}", called.attr, node)


FILES = [
    PACKAGE_FOLDER / "worker_config.py",
    *(path for folder in FOLDERS for path in sorted((PACKAGE_FOLDER / folder).rglob("*.py"))),
]
CALLS = [call for path in FILES for call in log_calls(path)]


@dataclass(frozen=True)
class Row:
    """One event as documented."""

    levels: set[str]
    fields: set[str]


def documented() -> dict[str, Row]:
    text = (PACKAGE_FOLDER / "docs/event-codes.md").read_text("utf-8").partition("## Events")[2]
    rows = ROW.findall(text)
    assert len(rows) == len({code for code, *_ in rows}), "an event has two rows"
    assert [code for code, *_ in rows] == sorted(code for code, *_ in rows)
    return {code: Row(set(levels.split(", ")), set(re.findall(r"`(\w+)`", fields))) for code, levels, _, fields in rows}


def test_the_rules_below_look_at_real_calls() -> None:
    assert len(CALLS) > 45
    places = {call.place.split("/")[0].split(":")[0] for call in CALLS}
    assert places == {"worker_config.py", *FOLDERS}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.place)
def test_each_log_call_has_a_literal_event_code_and_a_literal_message(call: LogCall) -> None:
    assert call.event is not None, "give extra={'event': '<code>', …} as a dictionary literal"
    assert CODE.match(call.event)
    assert logs.EVENT.fullmatch(call.event)
    assert call.message, "the message is a lazy format string"


def test_the_documented_events_are_those_of_the_code() -> None:
    assert set(documented()) == {call.event for call in CALLS} | {logs.OTHER_EVENT}


def test_the_documented_levels_and_fields_are_those_of_the_code() -> None:
    levels: dict[str, set[str]] = defaultdict(set)
    fields: dict[str, set[str]] = defaultdict(set)
    for call in CALLS:
        code = str(call.event)
        levels[code] |= LEVELS_OF_CALLS[code] if call.method == "log" else {LEVELS[call.method]}
        fields[code] |= call.fields
    rows = documented()
    assert {code: rows[code].levels for code in levels} == levels
    assert {code: rows[code].fields for code in fields} == fields

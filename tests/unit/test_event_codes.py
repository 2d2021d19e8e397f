"""Every event that the workers log or report has a code, and docs/event-codes.md lists exactly these codes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from video_analysis.tests.support.event_codes_page import documented
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.observability import logs

FOLDERS = ("worker_utils", "yolo_worker", "main_worker")
CODE = re.compile(r"^[a-z_]+(\.[a-z_]+)+$")
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
COMPUTED_LEVELS = {"message.failed": {"INFO", "WARNING", "ERROR"}}
"""The levels of the calls that compute their level."""
FORWARDING = {"worker_utils/observability/observer.py", "worker_utils/execution/run_context.py"}
"""These pass on events that others report."""


@dataclass(frozen=True)
class EventCall:
    """One call in the source that logs or reports an event: `log.info(…)`, `Event(…)` or `run.report(…)`."""

    place: str
    node: ast.Call

    @property
    def _method(self) -> str:
        return self.node.func.attr if isinstance(self.node.func, ast.Attribute) else "Event"

    @property
    def _is_log_call(self) -> bool:
        return self._method in {*LEVELS, "log"}

    def _argument(self, position: int, keyword: str) -> ast.expr | None:
        named = [given.value for given in self.node.keywords if given.arg == keyword]
        return self.node.args[position] if position < len(self.node.args) else named[0] if named else None

    @property
    def given_fields(self) -> ast.Dict | None:
        """The dictionary literal with the fields; None where something else is given."""
        given = self._argument(99, "extra") if self._is_log_call else self._argument(2, "fields") or ast.Dict([], [])
        return given if isinstance(given, ast.Dict) else None

    @property
    def code(self) -> str | None:
        """The event code, where it is a literal."""
        found = self._argument(0, "code")
        if self._is_log_call:
            given = self.given_fields or ast.Dict([], [])
            items = zip(given.keys, given.values, strict=True)
            codes = [value for key, value in items if isinstance(key, ast.Constant) and key.value == "event"]
            found = codes[0] if len(codes) == 1 else None
        return str(found.value) if isinstance(found, ast.Constant) else None

    @property
    def has_literal_message(self) -> bool:
        """A log call needs a lazy format string, an event takes the text itself."""
        if self._is_log_call:
            first = self._argument(1 if self._method == "log" else 0, "msg")
            return isinstance(first, ast.Constant) and isinstance(first.value, str)
        return isinstance(self._argument(1, "message"), ast.Constant | ast.JoinedStr)

    @property
    def levels(self) -> set[str]:
        """The levels that the call may use; KeyError where it computes them and COMPUTED_LEVELS lacks its code."""
        if self._method in LEVELS:
            return {LEVELS[self._method]}
        level = self._argument(0, "level") if self._is_log_call else self._argument(3, "level")
        if level is None:
            return {"INFO"}
        if isinstance(level, ast.Attribute) and level.attr in LEVELS.values():
            return {level.attr}
        return COMPUTED_LEVELS[str(self.code)]

    @property
    def fields(self) -> set[str]:
        """The names of the fields; KeyError where an expansion is not in EXPANDED."""
        assert self.given_fields is not None
        names = set(OF_A_MESSAGE) if self._method == "report" else set()
        for key, value in zip(self.given_fields.keys, self.given_fields.values, strict=True):
            names |= {str(ast.literal_eval(key))} if key is not None else EXPANDED[_name_of(value)]
        return names - {"event"}


def _name_of(expanded: ast.expr) -> str:
    node = expanded.func if isinstance(expanded, ast.Call) else expanded
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


def _is_event_call(node: ast.Call) -> bool:
    called = node.func
    if isinstance(called, ast.Name):
        return called.id == "Event"
    if not isinstance(called, ast.Attribute):
        return False
    if isinstance(called.value, ast.Name) and called.value.id in ("log", "logging", "logger"):
        return called.attr in {*LEVELS, "log"}
    return called.attr == "report"


def event_calls(path: Path) -> Iterator[EventCall]:
    """Each call in one file that logs or reports an event."""
    name = path.relative_to(PACKAGE_FOLDER).as_posix()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if name not in FORWARDING and isinstance(node, ast.Call) and _is_event_call(node):
            yield EventCall(f"{name}:{node.lineno}", node)


FILES = [
    PACKAGE_FOLDER / "worker_config.py",
    *(path for folder in FOLDERS for path in sorted((PACKAGE_FOLDER / folder).rglob("*.py"))),
]
CALLS = [call for path in FILES for call in event_calls(path)]


def test_the_rules_below_look_at_real_calls() -> None:
    assert len(CALLS) > 45
    forms = {ast.unparse(call.node.func).rsplit(".", 1)[-1] for call in CALLS}
    assert {"info", "warning", "Event", "report"} <= forms
    places = {call.place.split("/")[0].split(":")[0] for call in CALLS}
    assert places == {"worker_config.py", *FOLDERS}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.place)
def test_each_call_has_a_literal_code_and_message_and_a_dictionary_literal_of_fields(call: EventCall) -> None:
    assert call.given_fields is not None, "give the fields as a dictionary literal"
    assert call.code is not None, "log calls: extra={'event': '<code>', …}; events: Event('<code>', …)"
    assert CODE.match(call.code)
    assert logs.EVENT.fullmatch(call.code)
    assert call.has_literal_message, "log calls: a lazy format string; events: a string or an f-string"


def test_the_documented_events_are_those_of_the_code() -> None:
    assert set(documented()) == {call.code for call in CALLS} | {logs.OTHER_EVENT}


def test_the_documented_levels_and_fields_are_those_of_the_code() -> None:
    levels: dict[str, set[str]] = defaultdict(set)
    fields: dict[str, set[str]] = defaultdict(set)
    for call in CALLS:
        code = str(call.code)
        levels[code] |= call.levels
        fields[code] |= call.fields
    rows = documented()
    assert {code: rows[code].levels for code in levels} == levels
    assert {code: rows[code].fields for code in fields} == fields

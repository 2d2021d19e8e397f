"""One JSON line per log record on stderr: with a priority for journald, or as text on a terminal.

A line is time, level, logger, `event` (a stable code), `message` (a sentence), `failure` (the class of the failure,
if there is one), then the fields of the event. docs/event-codes.md lists every event with its fields.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

from video_analysis.worker_utils.errors import WorkerError

EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")
OTHER_EVENT = "library.message"
"""The event of records without a code: third-party loggers and Python warnings."""
JOURNAL = re.compile(r"/run/systemd/journal(\.[^/]+)?/stdout")
"""The socket to which systemd connects stdout and stderr of a service, of the default or another journal namespace."""
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""Level → priority of syslog. journald reads it from a prefix such as <6> and removes that (sd-daemon(3))."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLine(logging.Formatter):
    """Formats a record as one line of ASCII JSON. Control characters are escaped, so no message can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        return json.dumps(self.fields(record), default=str)

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """`extra` holds `event`, `failure` and fields; it cannot replace other names."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name.removeprefix("video_analysis."),
            "event": _event_of(record),
            "message": record.getMessage(),
        }
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD | line.keys()}
        if "failure" in fields:
            line["failure"] = fields.pop("failure")
        line |= fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return line


class JournalLine(JsonLine):
    """The line of JsonLine after its priority, so that `journalctl -p warning` selects by the level."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        return f"<{PRIORITIES.get(record.levelname, PRIORITIES['INFO'])}>{super().format(record)}"


class TextLine(JsonLine):
    """Formats a record for a person: time of day, level, event, message, fields, and the traceback on lines below."""

    def format(self, record: logging.LogRecord) -> str:
        """The text, without a newline at its end. Control characters are escaped."""
        fields = self.fields(record)
        traceback = fields.pop("traceback", "")
        head = f"{_clock(record)} {fields.pop('level'):<8} {fields.pop('event')}: {_printable(fields.pop('message'))}"
        named = _named({name: value for name, value in fields.items() if name not in ("time", "logger")})
        return "\n".join(filter(None, (f"{head}{named}", str(traceback))))


def failure_fields(failure: Exception) -> dict[str, object]:
    """Log fields of an exception: its class and, if it is of the taxonomy, its stable code."""
    code = {"error_code": failure.code} if isinstance(failure, WorkerError) else {}
    return {"failure": type(failure).__name__, **code}


def start(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Write every record of this process to `stream`, one line each; third-party loggers from WARNING on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(stream))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("video_analysis").setLevel(level)
    logging.captureWarnings(True)


def _formatter(stream: TextIO) -> JsonLine:
    if stream.isatty():
        return TextLine()
    return JournalLine() if _is_journal(stream) else JsonLine()


def _is_journal(stream: TextIO) -> bool:
    """Whether journald receives what is written: the socket's other end has its address."""
    with suppress(OSError, ValueError), socket.socket(fileno=os.dup(stream.fileno())) as peer:
        return JOURNAL.fullmatch(str(peer.getpeername())) is not None
    return False


def _clock(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")


def _named(fields: Mapping[str, object]) -> str:
    pairs = (f"{name}={_printable(value)}" for name, value in fields.items() if value is not None)
    return "".join(f"  {pair}" for pair in pairs)


def _printable(value: object) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))


def _event_of(record: logging.LogRecord) -> str:
    code = getattr(record, "event", None)
    return code if isinstance(code, str) and EVENT.fullmatch(code) else OTHER_EVENT

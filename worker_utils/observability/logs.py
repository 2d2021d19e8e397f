"""One JSON line per log record on stderr, which journald stores.

A line is time, level, logger, `event` (a stable code), `message` (a sentence), `failure` (the class of the failure,
if there is one), then the fields of the event. docs/event-codes.md lists every event with its fields.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

from video_analysis.worker_utils.errors import WorkerError

EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")
OTHER_EVENT = "library.message"
"""The event of records without a code: third-party loggers and Python warnings."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLine(logging.Formatter):
    """Formats a record as one line of ASCII JSON. Control characters are escaped, so no message can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline. `extra` holds `event`, `failure` and fields; it cannot replace other names."""
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
        return json.dumps(line, default=str)


def failure_fields(failure: Exception) -> dict[str, object]:
    """Log fields of an exception: its class and, if it is of the taxonomy, its stable code."""
    code = {"error_code": failure.code} if isinstance(failure, WorkerError) else {}
    return {"failure": type(failure).__name__, **code}


def start(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Write every record of this process to `stream` as JSON lines; third-party loggers from WARNING on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("video_analysis").setLevel(level)
    logging.captureWarnings(True)


def _event_of(record: logging.LogRecord) -> str:
    code = getattr(record, "event", None)
    return code if isinstance(code, str) and EVENT.fullmatch(code) else OTHER_EVENT

"""One JSON line an event on stderr (journald keeps it), with the ids an operator greps for."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLine(logging.Formatter):
    """A record as one line of JSON: what a stranger wrote is escaped, so no message can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline; `extra` fields stand beside the standard ones."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name.removeprefix("video_analysis."),
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD | line.keys()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send every record of this process to `stream` as JSON lines; vendors speak from WARNING on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("video_analysis").setLevel(level)
    logging.captureWarnings(True)

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from video_analysis.worker_utils.logs import JsonLine

SPEAK = """
import logging, warnings
from video_analysis.worker_utils import logs
logs.start()
ours, vendor = logging.getLogger("video_analysis.yolo_worker.worker"), logging.getLogger("vendor")
ours.debug("too fine"); ours.info("ours", extra={"video_id": "v"})
vendor.info("chatter"); vendor.warning("trouble\\nin two lines")
warnings.warn("deprecated")
logs.start()
ours.info("once")
"""


def line_of(message: str, *values: object, exc_info: Any = None, **extra: object) -> dict[str, Any]:
    log = logging.getLogger("video_analysis.yolo_worker.worker")
    record = log.makeRecord(log.name, logging.WARNING, __file__, 1, message, values, exc_info, extra=extra)
    text = JsonLine().format(record)
    assert text.isascii()
    assert text.isprintable()
    line: dict[str, Any] = json.loads(text)
    assert next(iter(line)) == "time"
    return line


def test_a_line_says_when_how_bad_where_what_and_for_whom() -> None:
    line = line_of("snapshot %d of %s", 3, "CAM1", video_id="v", track_id=305)
    assert line["time"].endswith("+00:00")
    del line["time"]
    assert line == {
        "level": "WARNING",
        "logger": "yolo_worker.worker",
        "event": "snapshot 3 of CAM1",
        "video_id": "v",
        "track_id": 305,
    }


def test_the_ids_stand_beside_the_event_and_cannot_take_its_place() -> None:
    line = line_of("really", event="forged", level="DEBUG", time="yesterday", logger="nobody")
    assert (line["event"], line["level"], line["logger"]) == ("really", "WARNING", "yolo_worker.worker")
    assert line["time"] != "yesterday"


@given(st.text(), st.text())
def test_whatever_a_stranger_wrote_stays_inside_one_line(message: str, value: str) -> None:
    line = line_of("%s", message, body=value)
    assert line["event"] == message
    assert line["body"] == value


def test_a_traceback_is_part_of_its_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = line_of("failed", exc_info=sys.exc_info())
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("ValueError: two\nlines")


def test_what_json_has_no_word_for_is_written_as_its_text() -> None:
    line = line_of("kept", path=Path("bundle/yolov8m.pt"), seconds={"decode": 1.5}, error=ValueError("broken"))
    assert line["path"] == "bundle/yolov8m.pt"
    assert line["seconds"] == {"decode": 1.5}
    assert line["error"] == "broken"


def test_a_process_speaks_in_json_lines_only_and_vendors_only_of_trouble() -> None:
    spoken = subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True)
    assert spoken.stdout == ""
    lines = [json.loads(line) for line in spoken.stderr.splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("yolo_worker.worker", "INFO"),
        ("vendor", "WARNING"),
        ("py.warnings", "WARNING"),
        ("yolo_worker.worker", "INFO"),
    ]
    assert lines[1]["event"] == "trouble\nin two lines"
    assert "UserWarning: deprecated" in lines[2]["event"]
    assert lines[3]["event"] == "once"

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.worker_utils.errors import BadVideo
from video_analysis.worker_utils.observability import logs
from video_analysis.worker_utils.observability.logs import JsonLine, TextLine, failure_fields

SPEAK = """
import logging, warnings
from video_analysis.worker_utils.observability import logs
logs.start()
ours, vendor = logging.getLogger("video_analysis.yolo_worker.worker"), logging.getLogger("vendor")
ours.debug("too fine"); ours.info("ours", extra={"event": "video.done", "video_id": "v"})
vendor.info("chatter"); vendor.warning("trouble\\nin two lines")
warnings.warn("deprecated")
logs.start()
ours.info("once", extra={"event": "worker.starting"})
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
    line = line_of("snapshot %d of %s", 3, "CAM1", video_id="v", failure="BadVideo", event="a.b", track_id=305)
    assert line["time"].endswith("+00:00")
    del line["time"]
    assert list(line.items()) == [
        ("level", "WARNING"),
        ("logger", "yolo_worker.worker"),
        ("event", "a.b"),
        ("message", "snapshot 3 of CAM1"),
        ("failure", "BadVideo"),
        ("video_id", "v"),
        ("track_id", 305),
    ]


def test_fields_do_not_replace_what_every_line_has() -> None:
    line = line_of("really", event="video.done", level="DEBUG", time="yesterday", logger="another")
    assert (line["event"], line["message"]) == ("video.done", "really")
    assert (line["level"], line["logger"]) == ("WARNING", "yolo_worker.worker")
    assert line["time"] != "yesterday"


@pytest.mark.parametrize("fields", [{}, {"event": "a sentence"}, {"event": "word"}, {"event": "a.b\n"}, {"event": 3}])
def test_a_record_without_an_event_code_gets_the_one_of_third_party_loggers(fields: dict[str, Any]) -> None:
    assert line_of("hello", **fields)["event"] == "library.message"


def test_the_fields_of_a_failure_are_its_class_and_its_code_where_it_has_one() -> None:
    truncated = BadVideo("400000 of 2424652 bytes", code="truncated")
    assert failure_fields(truncated) == {"failure": "BadVideo", "error_code": "truncated"}
    assert failure_fields(BadVideo("no frames")) == {"failure": "BadVideo", "error_code": "bad_video"}
    assert failure_fields(KeyError("x")) == {"failure": "KeyError"}


@pytest.mark.thorough
@given(st.text(), st.text())
def test_untrusted_text_stays_inside_one_line(message: str, value: str) -> None:
    line = line_of("%s", message, event="message.failed", body=value)
    assert line["event"] == "message.failed"
    assert line["message"] == message
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


def test_a_process_writes_only_json_lines_and_third_party_loggers_from_warning() -> None:
    spoken = subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True)
    assert spoken.stdout == ""
    lines = [json.loads(line) for line in spoken.stderr.splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("yolo_worker.worker", "INFO"),
        ("vendor", "WARNING"),
        ("py.warnings", "WARNING"),
        ("yolo_worker.worker", "INFO"),
    ]
    events = ["video.done", "library.message", "library.message", "worker.starting"]
    assert [line["event"] for line in lines] == events
    assert lines[1]["message"] == "trouble\nin two lines"
    assert "UserWarning: deprecated" in lines[2]["message"]
    assert lines[3]["message"] == "once"


STARTED = """
import logging, re, sys
from video_analysis.worker_utils.observability import logs
logs.JOURNAL = re.compile(sys.argv[1])
logs.start()
for level in (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
    logging.getLogger("video_analysis.x").log(level, "a\\nb", extra={"event": "video.done", "video_id": "v"})
"""


def lines_through_a_socket(address: Path, journal: str) -> list[str]:
    """What a process writes whose stderr is connected as systemd connects that of a service."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(address))
        listener.listen()
        client.connect(str(address))
        server, _ = listener.accept()
        subprocess.run([sys.executable, "-c", STARTED, journal], stderr=client.fileno(), check=True)
        client.close()
        with server, server.makefile() as received:
            return received.read().splitlines()


def test_journald_gets_the_priority_of_each_line(tmp_path: Path) -> None:
    address = tmp_path / "stdout"
    lines = lines_through_a_socket(address, re.escape(str(address)))
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>", "<2>"]
    assert {json.loads(line[3:])["message"] for line in lines} == {"a\nb"}


def test_another_socket_gets_plain_json_lines(tmp_path: Path) -> None:
    lines = lines_through_a_socket(tmp_path / "stdout", logs.JOURNAL.pattern)
    assert [json.loads(line)["level"] for line in lines] == ["INFO", "WARNING", "ERROR", "CRITICAL"]


@pytest.mark.parametrize("path", ["/run/systemd/journal/stdout", "/run/systemd/journal.cvitx/stdout"])
def test_the_addresses_of_journald(path: str) -> None:
    assert logs.JOURNAL.fullmatch(path)
    assert not logs.JOURNAL.fullmatch(f"/tmp{path}")


def test_a_terminal_gets_text() -> None:
    reader, writer = os.openpty()
    try:
        subprocess.run([sys.executable, "-c", STARTED, "x"], stderr=writer, check=True)
        first = os.read(reader, 10_000).decode().splitlines()[0]
    finally:
        os.close(reader)
        os.close(writer)
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO     video\.done: a\\nb  video_id=v", first)


def test_text_has_the_traceback_below_and_no_empty_fields() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        log = logging.getLogger("video_analysis.x")
        extra = {"event": "a.b", "damage": None}
        record = log.makeRecord("x", logging.ERROR, __file__, 1, "failed\x1b[0m", (), sys.exc_info(), extra=extra)
    first, *rest = TextLine().format(record).splitlines()
    assert first.endswith("ERROR    a.b: failed\\x1b[0m")
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ValueError: wrong"

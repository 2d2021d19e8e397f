"""What is read of a picture beside the models, and that it never holds them up."""

from __future__ import annotations

import threading

import pytest

from video_analysis.main_worker.attributes import color
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.attributes.color import Color
from video_analysis.main_worker.attributes.plate import MIN_CONF, Plate, PlateResult
from video_analysis.main_worker.evidence import ReadFailure
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.tests.support.attribute_inputs import PICTURE, Plates

TIMEOUT = ReadFailure("timeout", "no result within 0.05 s")


def test_colours_have_the_form_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(color, "colors", lambda picture, kind: [Color(None, "Red", None, 0.91239)])
    attributes = AttributeReader(5).start(PICTURE, "Car")()
    assert attributes.colors == [{"finish": None, "base": "Red", "lightness": None, "conf": 0.9124}]
    assert attributes.faults == {}


def test_a_picture_without_a_vehicle_has_no_colour_and_no_fault() -> None:
    attributes = AttributeReader(5).start(PICTURE, "Car")()
    assert (attributes.colors, attributes.faults) == (None, {})


def test_a_reading_that_takes_too_long_leaves_null_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(picture: SnapshotImage, kind: str) -> list[Color]:
        assert released.wait(60)
        return [Color(None, "Red", None, 0.9)]

    monkeypatch.setattr(color, "colors", hang)
    attributes = AttributeReader(time_limit_s=0.05).start(PICTURE, "Car")()
    released.set()
    assert attributes.colors is None
    assert attributes.faults == {"colors": TIMEOUT}


def test_while_a_reading_hangs_no_other_picture_waits_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released = threading.Semaphore(0), threading.Event()

    def hang(picture: SnapshotImage, kind: str) -> list[Color]:
        begun.release()
        assert released.wait(60)
        return [Color(None, "Red", None, 0.9)]

    monkeypatch.setattr(color, "colors", hang)
    reader = AttributeReader(time_limit_s=0.05)
    first = reader.start(PICTURE, "Car")
    assert begun.acquire(timeout=60)
    assert first().faults == {"colors": TIMEOUT}
    assert reader.start(PICTURE, "Car")().faults == {"colors": ReadFailure("reader_busy")}
    released.set()
    assert not begun.acquire(blocking=False)


def test_a_second_call_returns_the_same_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(picture: SnapshotImage, kind: str) -> list[Color]:
        assert released.wait(60)
        return []

    monkeypatch.setattr(color, "colors", hang)
    reader = AttributeReader(time_limit_s=0.05)
    reader.start(PICTURE, "Car")
    waiting = reader.start(PICTURE, "Car")
    assert waiting() == waiting()
    released.set()


def test_no_fault_brings_what_a_database_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(picture: SnapshotImage, kind: str) -> list[Color]:
        raise ValueError("\0" * 1000)

    monkeypatch.setattr(color, "colors", fail)
    fault = AttributeReader(5).start(PICTURE, "Car")().faults["colors"]
    assert fault.code == "read_failed"
    assert fault.detail is not None
    assert fault.detail.isprintable()
    assert len(fault.detail) < 400


def test_a_reading_that_fails_leaves_null_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(picture: SnapshotImage, kind: str) -> list[Color]:
        raise ZeroDivisionError("no paint at all")

    monkeypatch.setattr(color, "colors", fail)
    attributes = AttributeReader(5).start(PICTURE, "Car")()
    assert attributes.colors is None
    assert attributes.faults == {"colors": ReadFailure("read_failed", "ZeroDivisionError: no paint at all")}


def test_a_plate_has_its_confidence_and_evidence() -> None:
    seen = PlateResult(Plate("NBC1234", 0.91), None, width_px=88.5)
    attributes = AttributeReader(5, Plates(seen)).start(PICTURE, "Car")()
    assert (attributes.plate_text, attributes.plate_conf) == ("NBC1234", 0.91)
    evidence = {"abstained": None, "candidate": None, "threshold": MIN_CONF, "width_px": 88.5}
    assert attributes.plate_evidence == evidence


def test_a_plate_of_low_confidence_is_null_with_a_reason() -> None:
    attributes = AttributeReader(5, Plates(PlateResult(None, "below_threshold"))).start(PICTURE, "Car")()
    assert (attributes.plate_text, attributes.plate_conf) == (None, None)
    assert attributes.plate_evidence is not None
    assert attributes.plate_evidence["abstained"] == "below_threshold"
    assert attributes.plate_evidence["threshold"] == 0.7


def test_without_a_plate_reader_there_is_no_plate_evidence() -> None:
    attributes = AttributeReader(5, None).start(PICTURE, "Car")()
    assert (attributes.plate_text, attributes.plate_evidence, attributes.faults) == (None, None, {})

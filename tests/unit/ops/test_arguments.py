"""The argument types that all commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from video_analysis.ops import arguments

UUID = "50651c85-90ab-471b-8707-adc0ef16f91f"


def test_valid_texts_are_converted() -> None:
    assert arguments.uuid(UUID.upper()) == UUID
    assert arguments.instant("2026-03-01T08:00:00+08:00") == datetime(2026, 3, 1, tzinfo=UTC)
    assert [arguments.count(text) for text in ("0", "40")] == [0, 40]
    assert [arguments.rate(text) for text in ("0.01", ".5", "1000")] == [0.01, 0.5, 1000]


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (arguments.uuid, "305"),
        (arguments.uuid, f"{UUID}\n"),
        (arguments.instant, "2026-03-01"),
        (arguments.instant, "2026-03-01T08:00:00"),
        (arguments.camera_code, "cam1"),
        (arguments.camera_code, "CAM1\n"),
        (arguments.count, "-1"),
        (arguments.count, "²"),
        (arguments.count, "9" * 5000),
        (arguments.rate, "0"),
        (arguments.rate, "1e3"),
        (arguments.rate, "1001"),
    ],
)
def test_other_texts_are_refused_and_quoted(convert: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        convert(text)
    assert str(caught.value).startswith(repr(text))

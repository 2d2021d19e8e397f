"""Samples of a process from /proc, and the growth of its resources."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from video_analysis.tests.chaos import gauges
from video_analysis.tests.chaos.gauges import Gauge, grew, growth, inventory, mb_per_hour, read_gauge


def steady(seconds: range, rss_mb: float = 100, files: int = 9) -> list[Gauge]:
    return [Gauge(at_s, rss_mb, rss_mb / 2, files, 4, 0) for at_s in seconds]


def test_a_process_that_holds_what_it_held_has_not_grown() -> None:
    report = growth([*steady(range(60), rss_mb=20), *steady(range(60, 3600))])
    counts = {"open_files_growth": 0, "threads_growth": 0, "temp_files_growth": 0}
    assert report == {"rss_growth": 0.0, "anonymous_growth": 0.0, **counts}
    assert gauges.exceeded(report) == []


def test_a_slow_leak_is_growth_from_the_first_minutes_to_the_last() -> None:
    report = growth([*steady(range(1800)), *steady(range(1800, 3600), rss_mb=125, files=12)])
    assert (report["rss_growth"], report["open_files_growth"]) == (0.25, 3)
    assert gauges.exceeded(report) == ["rss_growth", "open_files_growth"]


def test_one_peak_is_no_growth() -> None:
    assert growth([*steady(range(3599)), *steady(range(3599, 3600), rss_mb=900)])["rss_growth"] == 0


def test_a_look_counts_what_the_process_holds(tmp_path: Path) -> None:
    before = read_gauge(os.getpid(), tmp_path, 0)
    released = threading.Event()
    thread = threading.Thread(target=released.wait)
    thread.start()
    with (tmp_path / "clip.mp4").open("wb"):
        held = read_gauge(os.getpid(), tmp_path, 1)
    released.set()
    thread.join()
    assert (held.open_files - before.open_files, held.threads - before.threads, held.temp_files) == (1, 1, 1)
    assert 0 < held.rss_mb < 100_000


def test_a_process_that_is_gone_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_gauge(2**22 + 1, tmp_path, 0)


def test_memory_that_grows_at_first_only_has_no_slope_in_the_second_half() -> None:
    filling = [Gauge(at_s, min(100 + at_s / 36, 150), 50, 9, 4, 0) for at_s in range(3600)]
    assert mb_per_hour(filling) == {"first_half": 100.0, "second_half": 0.0}
    assert mb_per_hour([Gauge(at_s, at_s / 36, 50, 9, 4, 0) for at_s in range(3600)])["second_half"] == 100.0


def test_what_grew_is_named(tmp_path: Path) -> None:
    before = inventory(os.getpid(), tmp_path, 300)
    released = threading.Event()
    thread = threading.Thread(target=released.wait)
    thread.start()
    with (tmp_path / "clip7.mp4").open("wb"):
        after = inventory(os.getpid(), tmp_path, 3000)
    released.set()
    thread.join()
    found = grew([before, after])
    assert found["temp_files"] == {"clip7.mp4": 1}
    assert sum(found["threads"].values()) == 1
    assert [name for name in found["files"] if name.endswith("/clipN.mpN")]
    passing = inventory(os.getpid(), tmp_path, 3001)
    assert grew([before, after, passing])["threads"] == {}, "what is not there all the time did not grow"

"""The short part of bad input at scale: a share of every corpus, and the rules of the tally."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from video_analysis.tests.chaos import bad_clips, bad_messages, bad_pictures, bad_snapshots, bad_videos
from video_analysis.tests.chaos.bad_sandbox import ReadResult, Sandbox, sandbox
from video_analysis.tests.chaos.bad_tally import Tally, is_readable
from video_analysis.tests.chaos.environment import CLIP, SHARED
from video_analysis.worker_utils.contracts import schema_check

SHARE = 12
"""Every 12th broken clip is read here; `make chaos` reads all."""

clip_is_there = pytest.mark.skipif(not CLIP.is_file(), reason=f"no {CLIP}")


def test_five_thousand_messages_are_each_read_or_refused_by_the_field() -> None:
    tally = bad_messages.tally_of(16)
    assert not tally.violations
    assert sum(line.outcomes.total() for line in tally.lines.values()) >= 5000
    assert {family.split()[-1] for family in tally.lines} == set(schema_check.EVENTS)


@clip_is_there
def test_broken_clips_are_read_or_refused_in_bounded_memory_and_leave_no_file(tmp_path: Path) -> None:
    broken = islice(bad_clips.all_of(SHARED / "video", seed=2), 0, None, SHARE)
    tally, left = bad_videos.tally_of(tmp_path, broken)
    assert not tally.violations
    assert left == 0
    assert sum(line.outcomes["refused"] for line in tally.lines.values()) > 20


@clip_is_there
def test_an_index_of_fifty_million_frames_costs_no_memory(tmp_path: Path) -> None:
    tally, _ = bad_videos.tally_of(tmp_path, bad_clips.bombs(CLIP.read_bytes()))
    assert not tally.violations
    assert tally.lines["millions announced"].peak_mb < 400


@clip_is_there
def test_all_wrong_snapshots_are_refused_and_all_whole_ones_are_not() -> None:
    tally = bad_snapshots.tally_of()
    assert not tally.violations
    assert tally.lines[bad_pictures.WHOLE].outcomes.keys() == {"read"}
    assert sum(line.outcomes["refused"] for line in tally.lines.values()) >= 100


@pytest.mark.parametrize(
    "reading",
    [
        ReadResult("crashed", "the process ended with -11"),
        ReadResult("unexpected_error", "RuntimeError: x"),
        ReadResult("refused", ""),
        ReadResult("refused", "two\nlines"),
        ReadResult("refused", "cv2.error: KeyError"),
        ReadResult("read", "1 frames", seconds=9),
        ReadResult("read", "1 frames", peak_mb=900),
        ReadResult("read", "1 frames"),
    ],
)
def test_every_violation_is_counted(reading: ReadResult) -> None:
    tally = Tally(most_mb=500, longest_s=5, must_be_refused=frozenset({"bomb"}))
    tally.add("bomb", reading)
    result = tally.result("x")
    assert result.divergent == 1
    assert not result.is_clean


def test_a_plain_refusal_is_fine() -> None:
    tally = Tally(most_mb=500, longest_s=5)
    tally.add("bomb", ReadResult("refused", "truncated: 435 of 905 frames", 1, 100))
    assert tally.result("x").is_clean
    assert is_readable("is 640×639×3 of 8 bits, not 640×640×3 of 8")


def test_a_process_that_dies_or_hangs_is_a_finding_and_the_next_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"no picture")
    with sandbox("snapshot", tmp_path, limit_s=30) as reader:
        assert reader.read(picture).outcome == "refused"
        _process_of(reader).kill()
        assert reader.read(picture).outcome == "crashed"
        assert reader.read(picture).reason == "is not a JPEG"
        monkeypatch.setattr(reader, "_limit_s", 0.5)
        _process_of(reader).send_signal(signal.SIGSTOP)
        assert reader.read(picture).outcome == "hung"
        monkeypatch.setattr(reader, "_limit_s", 30)
        assert reader.read(picture).outcome == "refused"


def _process_of(reader: Sandbox) -> subprocess.Popen[str]:
    process = reader._process
    assert process is not None
    return process


def test_the_same_seed_breaks_alike() -> None:
    bodies = [Counter(bad_messages.bodies(3)) for _ in range(2)]
    assert bodies[0] == bodies[1]

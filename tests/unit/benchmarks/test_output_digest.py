"""The digest of the workers' output: what it contains, and that a comparison finds every difference."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video_analysis.benchmarks import output_digest, track_digest
from video_analysis.benchmarks.output_digest import contents, differences
from video_analysis.benchmarks.track_digest import Clip
from video_analysis.tests.support import report_rows
from video_analysis.yolo_worker.types import Frame, Track, TrackedFrame

CLIP: dict[str, Any] = {
    "faults": [],
    "rows": [{"track_id": 1, "type_conf": 0.5}],
    "objects": {"a.jpg": ["image/jpeg", "f"]},
}
BEFORE = {"a.mp4@3": CLIP}


def test_a_row_is_kept_without_ids_times_and_latency() -> None:
    found = report_rows.found([report_rows.row(1, 40)])
    (row,) = contents(found)["rows"]
    assert row.keys().isdisjoint(output_digest.EXCLUDED_COLUMNS)
    assert row["name"] == found.rows[0]["snapshot_s3_key"].rsplit("/", 1)[1]
    assert row.keys() - {"name"} == found.rows[0].keys() - output_digest.EXCLUDED_COLUMNS
    json.dumps(row)


def test_every_excluded_column_is_named_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        output_digest.main(["--help"])
    text = capsys.readouterr().out
    assert [column for column in output_digest.EXCLUDED_COLUMNS if column not in text] == []


def test_equal_digests_have_no_difference() -> None:
    assert list(differences(BEFORE, json.loads(json.dumps(BEFORE)))) == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ({"a.mp4@3": {**CLIP, "faults": ["x"]}}, '/a.mp4@3/faults: [] → ["x"]'),
        (
            {"a.mp4@3": {**CLIP, "rows": [{"track_id": 1, "type_conf": 0.5000001}]}},
            "/a.mp4@3/rows/0/type_conf: 0.5 → 0.5000001",
        ),
        (
            {"a.mp4@3": {**CLIP, "rows": [{"track_id": 1, "type_conf": 0.5, "new": None}]}},
            '/a.mp4@3/rows/0/new: "absent" → null',
        ),
        (
            {"a.mp4@3": {**CLIP, "objects": {"a.jpg": ["image/jpeg", "g"]}}},
            '/a.mp4@3/objects/a.jpg/1: "f" → "g"',
        ),
        ({}, '/a.mp4@3: dict of 3 → "absent"'),
    ],
)
def test_a_difference_is_named_by_its_place(after: dict[str, Any], found: str) -> None:
    assert list(differences(BEFORE, after)) == [found]


def test_a_clip_has_stride_3_unless_one_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a@b.mp4"
    path.touch()
    assert Clip.parse(str(path)) == Clip(path, 3)
    assert Clip.parse(f"{path}@1").key == "a@b.mp4@1"
    for text in (f"{path}@0", str(tmp_path / "none.mp4")):
        with pytest.raises(argparse.ArgumentTypeError):
            Clip.parse(text)


def test_two_clips_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "video.mp4"
    path.touch()
    with pytest.raises(SystemExit):
        output_digest.main([str(path), f"{path}@3"])
    assert "same file name" in capsys.readouterr().err


def frames(right: float) -> list[TrackedFrame]:
    """One track that is confirmed in the second of two frames."""
    image = np.zeros((4, 4, 3), np.uint8)
    track = Track(7, (0.0, 1.0, right, 3.0), 0.9, "Car")
    return [
        TrackedFrame(Frame(0, 0, image), [track], ()),
        TrackedFrame(Frame(3, 120, image), [track], (7,), [(7, 1)]),
    ]


def test_the_digest_of_tracks_changes_with_the_last_bit_of_a_box() -> None:
    before = track_digest.digest(frames(2.0))
    assert before == track_digest.digest(frames(2.0))
    assert before["frames"] == 2
    assert before != track_digest.digest(frames(math.nextafter(2.0, 3.0)))

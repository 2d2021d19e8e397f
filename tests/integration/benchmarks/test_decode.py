"""The comparison of decoders, on tiny textured clips; their times say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from video_analysis.benchmarks import decode, decode_clips
from video_analysis.yolo_worker.source import video


def test_every_codec_size_and_cost_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "FIRST_FRAMES", 2)
    monkeypatch.setattr(decode_clips, "SIZES", {"360p": (64, 48), "1080p": (96, 64)})
    out = tmp_path / "decode.json"
    assert decode.main(["absent.mp4", "--rounds", "2", "--frames", "5", "--clock", "cpu", "--out", str(out)]) == 0
    document = json.loads(out.read_text("utf-8"))
    rows = {(row["name"], row["threads"], row["stride"]) for row in document["compared"]}
    names = [f"{size} {codec}" for size in ("360p", "1080p") for codec in ("H.264", "HEVC", "MPEG-4")]
    assert rows == {(name, threads, stride) for name in names for threads, stride in ((1, 1), (2, 1), (1, 3))}
    assert [row["name"] for row in document["costs"]] == [f"1080p {name}" for name in decode_clips.COSTS]
    assert all(row["first_ms"] > 0 < row["second_ms"] for row in document["compared"] + document["costs"])


def test_both_decoders_read_the_same_frames(tmp_path: Path) -> None:
    path = decode_clips.encoded(decode_clips.pictures(None, 9, (64, 48)), tmp_path / "a.mp4", decode_clips.H264)
    assert list(decode._opencv(path, 1, 3)()) == list(decode._ours(path, 1, 3)()) == [0, 3, 6]


def test_what_costs_time_is_in_the_clips(tmp_path: Path) -> None:
    frames = decode_clips.pictures(None, 5, (64, 48))
    sizes = {}
    for name, (_, how) in decode_clips.COSTS.items():
        info = video.probe(decode_clips.encoded(frames, tmp_path / "a.mp4", how))
        sizes[name.split()[0]] = info.width_px, info.height_px
    assert sizes == {"deinterlacing": (64, 48), "square": (85, 48), "tone": (64, 48)}

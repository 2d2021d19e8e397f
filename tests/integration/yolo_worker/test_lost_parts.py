"""Files of which a part was overwritten or lost, and whole files that look alike: pauses, filler, joined recordings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from video_analysis.tests.support import mp4_boxes
from video_analysis.tests.support import synthetic_clips as clips
from video_analysis.yolo_worker.source.damage import Damage
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Frame

FRAMES = 150
NOISE = {"g": "25", "sc_threshold": "0", "bf": "0", "preset": "ultrafast"}
FORMATS = {"ts": "mpegts", "mkv": "matroska", "mpg": "mpeg"}
PAUSE_MS = [*clips.every(40, 50), *clips.every(40, 50, 62_000)]
CODEC = {"g": "25", "bf": "2"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def noisy(path: Path, codec: str = "libx264", pause_s: int = 0, format_options: dict[str, str] | None = None) -> Path:
    """150 frames of noise, 40 ms apart: each has about as many bytes as the others. The pause is in the middle."""
    noise = np.random.default_rng(1).integers(0, 256, (96 + FRAMES, 128, 3), np.uint8)
    ending = path.suffix[1:]
    with av.open(str(path), "w", format=FORMATS.get(ending, ending), options=format_options or {}) as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=25, options=NOISE if codec == "libx264" else {}))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 96, "yuv420p", 2_000_000
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(noise[index : index + 96], format="bgr24")
            frame.pts, frame.time_base = index + 25 * pause_s * (index >= FRAMES // 2), Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[list[Frame], Damage | None]:
    source = VideoFile(path, 1)
    return list(source.frames()), source.damage


def overwritten(path: Path, begin: float, end: float) -> Path:
    size = path.stat().st_size
    return zeroed(path, int(begin * size), int(end * size))


def zeroed(path: Path, first: int, last: int) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[:first] + bytes(last - first) + data[last:])
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.ts", "libx264"),
        ("a.ts", "mpeg2video"),
        ("a.mpg", "mpeg2video"),
        ("a.mkv", "libx264"),
        ("a.flv", "libx264"),
        ("a.avi", "mpeg4"),
    ],
)
def test_frames_of_an_overwritten_part_are_missing(name: str, codec: str, tmp_path: Path) -> None:
    path = noisy(tmp_path / name, codec)
    assert read(path)[1] is None
    given, damage = read(overwritten(path, 0.3, 0.7))
    assert damage is not None
    assert not damage.is_minor
    assert damage.read == len(given) < 120
    assert damage.due == pytest.approx(FRAMES, abs=1)
    assert given[-1].offset_ms == 40 * (FRAMES - 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
def test_a_pause_does_not_count_in_the_time_that_is_missing(name: str, tmp_path: Path) -> None:
    """15 frames are 0.6 s, whatever the mean rate of the file is."""
    given, damage = read(overwritten(noisy(tmp_path / name, pause_s=60), 0.2, 0.3))
    assert damage is not None
    assert damage.read == len(given) < FRAMES
    assert damage.interval_ms == pytest.approx(40)
    assert damage.is_minor


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.flv"])
@pytest.mark.parametrize(("begin", "end"), [(0.43, 0.502), (0.498, 0.57)], ids=["before", "behind"])
def test_only_the_frames_of_a_lost_part_beside_a_pause_are_missing(
    begin: float, end: float, name: str, tmp_path: Path
) -> None:
    given, damage = read(overwritten(noisy(tmp_path / name, pause_s=60), begin, end))
    assert damage is not None
    assert damage.read == len(given) < FRAMES
    assert damage.due == pytest.approx(FRAMES, abs=3)
    assert damage.is_minor


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
@pytest.mark.parametrize("audio_s", [0, 20])
def test_filler_behind_a_file_that_states_its_length_is_not_missing(name: str, audio_s: int, tmp_path: Path) -> None:
    video_format = FORMATS.get(name[2:], name[2:])
    times_ms = clips.every(40, 50)
    path = clips.write(tmp_path / name, times_ms, codec_options=CODEC, video_format=video_format, audio_s=audio_s)
    path.write_bytes(path.read_bytes() + bytes(1_000_000))
    given, damage = read(path)
    assert (len(given), damage) == (50, None)


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_an_overwritten_end_is_missing_where_the_header_states_the_length(name: str, tmp_path: Path) -> None:
    _, damage = read(overwritten(noisy(tmp_path / name), 0.6, 1))
    assert damage is not None
    assert damage.due == pytest.approx(FRAMES, abs=2)
    assert damage.refusal.code == "damaged"


def test_a_cut_flv_is_compared_with_its_header(tmp_path: Path) -> None:
    path = noisy(tmp_path / "a.flv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    _, damage = read(path)
    assert damage is not None
    assert damage.due == pytest.approx(FRAMES, abs=1)
    assert damage.refusal.code == "truncated"


def test_packets_that_a_transport_stream_lost_are_missing(tmp_path: Path) -> None:
    path = noisy(tmp_path / "a.ts")
    data = path.read_bytes()
    first, last = (len(data) * part // 10 // 188 * 188 for part in (4, 7))
    path.write_bytes(data[:first] + data[last:])
    _, damage = read(path)
    assert damage is not None
    assert damage.due == pytest.approx(FRAMES, abs=1)


@pytest.mark.parametrize("filler", [bytes(4_000_000), b"\xff" * 4_000_000, b"DVR!" * 1_000_000, b"G" * 1_000_000])
def test_filler_behind_a_transport_stream_is_not_missing(filler: bytes, tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.ts", clips.every(40, 50), codec_options=CODEC)
    path.write_bytes(path.read_bytes() + filler)
    given, damage = read(path)
    assert ([frame.offset_ms for frame in given], damage) == (clips.every(40, 50), None)


def test_filler_between_two_recordings_is_not_missing(tmp_path: Path) -> None:
    first = clips.write(tmp_path / "a.ts", clips.every(40, 50), codec_options=CODEC)
    second = clips.write(tmp_path / "b.ts", clips.every(40, 50, 2000), codec_options=CODEC)
    first.write_bytes(first.read_bytes() + bytes(4_000_000) + second.read_bytes())
    given, damage = read(first)
    assert (len(given), damage) == (100, None)


@pytest.mark.parametrize(
    ("name", "audio_s"), [("a.ts", 0), ("a.ts", 70), ("a.mkv", 0), ("a.mkv", 70), ("a.flv", 0), ("a.mpg", 0)]
)
def test_a_pause_of_the_recording_is_not_missing(name: str, audio_s: int, tmp_path: Path) -> None:
    video_format = FORMATS.get(name[2:], name[2:])
    path = clips.write(tmp_path / name, PAUSE_MS, codec_options=CODEC, video_format=video_format, audio_s=audio_s)
    given, damage = read(path)
    assert (len(given), given[-1].offset_ms, damage) == (100, PAUSE_MS[-1], None)


def test_a_pause_at_a_constant_rate_is_not_missing(tmp_path: Path) -> None:
    """Null packets fill it."""
    options = {"muxrate": "400000"}
    path = clips.write(tmp_path / "a.ts", PAUSE_MS, codec_options=CODEC, format_options=options)
    assert path.stat().st_size > 3_000_000
    assert read(path)[1] is None


@pytest.mark.parametrize(("before", "after"), [(4, 0), (0, 16)])
def test_a_pause_between_packets_of_other_lengths_is_not_missing(before: int, after: int, tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.ts", PAUSE_MS, codec_options=CODEC)
    data = path.read_bytes()
    whole = (data[at : at + 188] for at in range(0, len(data), 188))
    path.write_bytes(b"".join(bytes(before) + packet + bytes(after) for packet in whole))
    given, damage = read(path)
    assert (len(given), damage) == (100, None)


def test_a_pause_between_two_recordings_is_not_missing(tmp_path: Path) -> None:
    """The counters of their packets do not continue, which marks the packet before the pause as corrupt."""
    first = clips.write(tmp_path / "a.ts", PAUSE_MS[:50], codec_options=CODEC)
    second = clips.write(tmp_path / "b.ts", PAUSE_MS[50:], codec_options=CODEC)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    given, damage = read(first)
    assert (len(given), damage) == (100, None)


@pytest.mark.parametrize("step_ms", [400, 1000, 5000])
def test_a_slower_recording_continues_behind_another_one(step_ms: int, tmp_path: Path) -> None:
    in_order = CODEC | {"bf": "0"}
    first = clips.write(tmp_path / "a.ts", clips.every(40, 200), codec_options=in_order)
    second = clips.write(tmp_path / "b.ts", clips.every(step_ms, 60), codec_options=in_order)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    given, damage = read(first)
    assert [frame.offset_ms for frame in given] == clips.every(40, 200) + clips.every(step_ms, 60, 8000)
    assert damage is None


@dataclass(frozen=True)
class Box:
    """An outermost box of an MP4."""

    kind: bytes
    begin: int
    end: int


def fragmented(path: Path) -> tuple[Path, list[Box]]:
    """Six fragments of 25 frames each, and the boxes of the fourth and all that follow it."""
    noisy(path, format_options=FRAGMENTS)
    at, boxes = 0, list[Box]()
    for data in mp4_boxes.outer_boxes(path.read_bytes()):
        boxes.append(Box(data[4:8], at, at + len(data)))
        at += len(data)
    fourth = [place for place, box in enumerate(boxes) if box.kind == b"moof"][3]
    return path, boxes[fourth:]


def test_frames_of_a_fragment_without_its_table_are_missing(tmp_path: Path) -> None:
    path, (moof, *_) = fragmented(tmp_path / "a.mp4")
    given, damage = read(zeroed(path, moof.begin + 8, moof.end))
    assert damage is not None
    assert (len(given), damage.read, damage.due) == (125, 125, FRAMES)


def test_frames_behind_an_unreadable_box_are_missing(tmp_path: Path) -> None:
    path, (moof, *_) = fragmented(tmp_path / "a.mp4")
    given, damage = read(zeroed(path, moof.begin, moof.end))
    assert damage is not None
    assert len(given) == damage.read == 75
    assert damage.due == pytest.approx(FRAMES, abs=2)
    assert damage.refusal.code == "damaged"


def test_frames_behind_an_overwritten_part_of_a_fragmented_file_are_missing(tmp_path: Path) -> None:
    path, (_, mdat, *_) = fragmented(tmp_path / "a.mp4")
    _, damage = read(zeroed(path, (mdat.begin + mdat.end) // 2, mdat.end + 20))
    assert damage is not None
    assert damage.due == pytest.approx(FRAMES, abs=2)


@pytest.mark.parametrize("more", [0, 4, 8])
def test_a_file_that_was_cut_behind_a_fragments_table_is_truncated(more: int, tmp_path: Path) -> None:
    path, (moof, *_) = fragmented(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: moof.end + more])
    given, damage = read(path)
    assert damage is not None
    assert (len(given), str(damage)) == (75, "truncated: 75 of 100 frames")


@pytest.mark.parametrize("filler", [bytes(100_000), b"\xff" * 100_000, b"DVR!" * 25_000])
def test_filler_behind_a_fragmented_file_is_not_missing(filler: bytes, tmp_path: Path) -> None:
    path, _ = fragmented(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes() + filler)
    given, damage = read(path)
    assert (len(given), damage) == (FRAMES, None)


def test_a_pause_of_a_fragmented_file_with_sound_is_not_missing(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", PAUSE_MS, codec_options=CODEC, format_options=FRAGMENTS, audio_s=70)
    given, damage = read(path)
    assert (len(given), damage) == (100, None)


def test_other_boxes_between_fragments_are_not_missing(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", PAUSE_MS, codec_options=CODEC, format_options=FRAGMENTS)
    parts = mp4_boxes.outer_boxes(path.read_bytes())
    telemetry = mp4_boxes.box(b"uuid", bytes(20_000))
    path.write_bytes(b"".join(telemetry + part if part[4:8] == b"moof" else part for part in parts))
    given, damage = read(path)
    assert (len(given), damage) == (100, None)


def test_an_old_recording_behind_a_fragmented_file_is_not_missing(tmp_path: Path) -> None:
    """A recorder that reserves its files writes over an older one."""
    path, _ = fragmented(tmp_path / "a.mp4")
    old, rest = fragmented(tmp_path / "b.mp4")
    path.write_bytes(path.read_bytes() + bytes(1000) + old.read_bytes()[rest[0].begin :])
    given, damage = read(path)
    assert (len(given), damage) == (FRAMES, None)

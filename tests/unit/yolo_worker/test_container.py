from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.tests.support import synthetic_clips
from video_analysis.yolo_worker.source import container

TIMES_MS = synthetic_clips.every(40, 25)
STARTS = [b"", b"\0\0\0\x10ftyp", b"\0\0\0\0moov", b"\x1a\x45\xdf\xa3", b"RIFF....AVI ", b"\x47"]


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".mp4", "MP4"), (".mov", "MP4"), (".mkv", "Matroska"), (".avi", "AVI"), (".ts", "MPEG-TS")],
)
def test_each_container_is_known_by_its_content(tmp_path: Path, ending: str, kind: str) -> None:
    written = synthetic_clips.write(tmp_path / f"clip{ending}", TIMES_MS)
    found = container.read(written.rename(tmp_path / "clip"))
    assert found.kind == kind
    assert found.is_whole
    assert found.has_index
    assert found.has_video


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".avi"])
def test_a_cut_file_is_not_whole(tmp_path: Path, ending: str) -> None:
    assert not container.read(cut(synthetic_clips.write(tmp_path / f"clip{ending}", TIMES_MS), 0.7)).is_whole


@pytest.mark.parametrize("flags", ["frag_keyframe", "frag_keyframe+default_base_moof", "frag_keyframe+empty_moov"])
def test_a_fragmented_mp4_is_recognised(tmp_path: Path, flags: str) -> None:
    path = synthetic_clips.write(tmp_path / "f.mp4", TIMES_MS, format_options={"movflags": flags})
    assert container.read(path).is_fragmented
    assert not container.read(synthetic_clips.write(tmp_path / "clip.mp4", TIMES_MS)).is_fragmented


def test_samples_of_pictures_and_sound_are_announced_but_not_those_of_plain_sound(tmp_path: Path) -> None:
    silent = synthetic_clips.write(tmp_path / "silent.mp4", TIMES_MS)
    assert container.read(silent).announced_samples == 25
    loud = synthetic_clips.write(tmp_path / "loud.mp4", TIMES_MS, audio_s=2)
    assert container.read(loud).announced_samples > 25
    data = bytearray(silent.read_bytes())
    at = synthetic_clips.box_positions(data, b"moov", b"trak", b"mdia", b"hdlr")[-1] + 16
    data[at : at + 4] = b"soun"
    at = synthetic_clips.box_positions(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts")[-1] + 12
    data[at : at + 12] = b"".join(number.to_bytes(4, "big") for number in (1, 25, 1))
    silent.write_bytes(data)
    assert container.read(silent).announced_samples == 0


def test_a_cut_index_still_announces_what_is_left_of_it(tmp_path: Path) -> None:
    clip = synthetic_clips.write(tmp_path / "clip.mp4", TIMES_MS)
    clip.write_bytes(clip.read_bytes()[:-10])
    assert container.read(clip).announced_samples == 25


def test_an_index_that_lies_about_its_length_gets_no_more_room_than_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "lies.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + b"\xff\xff\xff\xf0moov" + bytes(1000))
    tracemalloc.start()
    try:
        container.read(path)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000_000


def test_an_mp4_says_what_it_lacks(tmp_path: Path) -> None:
    assert not container.read(synthetic_clips.write_audio_only(tmp_path / "sound.mp4")).has_video
    clip = synthetic_clips.write(tmp_path / "clip.mp4", TIMES_MS)
    clip.write_bytes(clip.read_bytes()[: synthetic_clips.box_positions(clip.read_bytes(), b"moov")[0]])
    assert not container.read(clip).has_index


def test_the_codec_of_each_video_track_is_named(tmp_path: Path) -> None:
    clip = synthetic_clips.write(tmp_path / "clip.mp4", TIMES_MS, audio_s=1)
    assert container.read(clip).video_codecs == ("avc1",)
    data = clip.read_bytes()
    assert container.read(replaced(clip, data.replace(b"avc1\0\0", b"xyz \0\0"))).video_codecs == ("xyz",)
    assert container.read(replaced(clip, data.replace(b"avc1\0\0", b"\0\1\2\3\0\0"))).video_codecs == ("00010203",)


def replaced(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@given(data=st.binary(max_size=300))
@pytest.mark.parametrize("start", STARTS)
def test_no_bytes_make_it_stumble(tmp_path_factory: pytest.TempPathFactory, start: bytes, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "odd"
    path.write_bytes(start + data)
    assert container.read(path).size_bytes == len(start + data)


@pytest.mark.thorough
@given(data=st.data())
def test_no_damage_to_the_index_makes_it_stumble(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    content = bytearray(sample(tmp_path_factory))
    first = synthetic_clips.box_positions(content, b"moov")[0]
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(first, len(content) - 1))] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
    path.write_bytes(content)
    assert container.read(path).kind == "MP4"


def sample(folder: pytest.TempPathFactory) -> bytes:
    path = folder.getbasetemp() / "sample.mp4"
    if not path.exists():
        synthetic_clips.write(path, TIMES_MS, codec_options={"bf": "2"})
    return path.read_bytes()


@pytest.mark.parametrize(("step", "shift"), [(188, 0), (192, 0), (192, 4), (204, 0), (204, 16)])
def test_bytes_of_a_transport_stream_outside_its_packets_are_counted(step: int, shift: int, tmp_path: Path) -> None:
    packet = b"\x47" + bytes(step - 1)
    path = tmp_path / "a.ts"
    path.write_bytes(bytes(shift) + 20 * packet)
    assert container.packet_bytes(path) == step
    assert container.unsound_bytes(path, step, 0, path.stat().st_size) == 0
    path.write_bytes(bytes(shift) + 10 * packet + b"\xff" * 5000 + 10 * packet)
    assert container.unsound_bytes(path, step, 0, path.stat().st_size) == pytest.approx(5000, abs=step)

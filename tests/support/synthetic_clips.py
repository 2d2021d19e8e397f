"""Small videos with known pictures: frame i is grey, BRIGHTNESS_STEP × i modulo 256, its left quarter red."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

BRIGHTNESS_STEP = 16
WIDTH_PX, HEIGHT_PX = 160, 120
MILLISECONDS = Fraction(1, 1000)
AUDIO_RATE = 8000
FORMATS = {".mkv": "matroska", ".ts": "mpegts"}


def every(interval_ms: int, count: int, start_ms: int = 0) -> list[int]:
    return [start_ms + interval_ms * index for index in range(count)]


def write(
    path: Path,
    times_ms: Sequence[int],
    *,
    video_format: str | None = None,
    codec: str = "libx264",
    size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    codec_options: dict[str, str] | None = None,
    format_options: dict[str, str] | None = None,
    audio_s: float = 0,
) -> Path:
    """A clip whose frames carry `times_ms`; the format is that of the path's ending unless it is named."""
    video_format = video_format or FORMATS.get(path.suffix, path.suffix[1:])
    scale = Fraction(1, 25) if video_format == "avi" else MILLISECONDS
    with av.open(str(path), "w", format=video_format, options=format_options or {}) as output:
        video = cast("av.VideoStream", output.add_stream(codec, rate=25, options=codec_options or {}))
        video.width, video.height = size
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.codec_context.time_base = scale
        audio = output.add_stream("aac", rate=AUDIO_RATE) if audio_s else None
        for index, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(_picture(index, size), format="bgr24")
            frame.pts, frame.time_base = round(time_ms * MILLISECONDS / scale), scale
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio:
            for sound in _silence(audio_s):
                output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    return path


def write_audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        audio = output.add_stream("aac", rate=AUDIO_RATE)
        for sound in _silence(1):
            output.mux(audio.encode(sound))
        output.mux(audio.encode(None))
    return path


def trim(source: Path, target: Path, start_s: float, format_options: dict[str, str] | None = None) -> Path:
    """Cut the beginning off without re-encoding: packets before `start_s` remain, and an edit list hides them."""
    with av.open(str(source)) as original, av.open(str(target), "w", options=format_options or {}) as output:
        video = original.streams.video[0]
        copy = output.add_stream_from_template(video)
        original.seek(int(start_s * 1_000_000))
        shift = int(start_s / (video.time_base or MILLISECONDS))
        for packet in original.demux(video):
            if packet.dts is None or packet.pts is None:
                continue
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
            output.mux(packet)
    return target


def box_positions(data: bytes | bytearray, *path: bytes) -> list[int]:
    """Where each box of the path begins in an MP4, outermost first."""
    positions, at, end = [], 0, len(data)
    for name in path:
        while data[at + 4 : at + 8] != name:
            at += int.from_bytes(data[at : at + 4], "big")
            assert at < end, name
        positions.append(at)
        end = at + int.from_bytes(data[at : at + 4], "big")
        at += 8
    return positions


def turned(source: Path, target: Path) -> Path:
    """The same MP4 with a tag that says: show me turned by 90° to the right."""
    data = bytearray(source.read_bytes())
    at = box_positions(data, b"moov", b"trak", b"tkhd")[-1] + 48
    fixed = [0, 1 << 16, 0, -(1 << 16), 0, 0, HEIGHT_PX << 16, 0, 1 << 30]
    data[at : at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in fixed)
    target.write_bytes(data)
    return target


def with_second_size(source: Path, target: Path, size: tuple[int, int]) -> Path:
    """The same MP4 whose table lists a second kind of picture, of another size (its index must be at its end)."""
    data = bytearray(source.read_bytes())
    path = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    positions = box_positions(data, *path)
    entry_at = positions[-1] + 16
    entry = bytearray(data[entry_at : entry_at + int.from_bytes(data[entry_at : entry_at + 4], "big")])
    entry[32:36] = size[0].to_bytes(2, "big") + size[1].to_bytes(2, "big")
    data[entry_at - 4 : entry_at] = (2).to_bytes(4, "big")
    data[entry_at + len(entry) : entry_at + len(entry)] = entry
    for at in positions:
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(entry)).to_bytes(4, "big")
    target.write_bytes(data)
    return target


def _picture(index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    picture = np.full((height, width, 3), index * BRIGHTNESS_STEP % 256, np.uint8)
    picture[:, : width // 4] = (0, 0, 255)
    return picture


def _silence(seconds: float) -> Iterator[av.AudioFrame]:
    for index in range(round(seconds * AUDIO_RATE / 1024)):
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = AUDIO_RATE, index * 1024
        yield sound


def remuxed(
    source: Path,
    target: Path,
    change: Callable[[int, av.Packet[av.VideoStream]], bool] = lambda _number, _packet: True,
    *,
    video_format: str | None = None,
) -> Path:
    """Copy the packets for which `change` returns true; it may alter their times (on the clock of `source`)."""
    with av.open(str(source)) as original, av.open(str(target), "w", format=video_format) as output:
        video = original.streams.video[0]
        copy = output.add_stream_from_template(video)
        for number, packet in enumerate(original.demux(video)):
            if packet.size and change(number, packet):
                packet.stream = copy
                output.mux(packet)
    return target


def write_frames(
    path: Path,
    frames: Iterable[av.VideoFrame],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    format_options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    matrix: Sequence[int] | None = None,
) -> Path:
    """A clip of 25 frames a second with these frames. Size, format and colour description are the first frame's."""
    kind = FORMATS.get(path.suffix, path.suffix[1:])
    with av.open(str(path), "w", format=kind, options=format_options or {}) as output:
        video = cast("av.VideoStream", output.add_stream(codec, rate=25, options=options or {}))
        for index, frame in enumerate(frames):
            if index == 0:
                video.width, video.height, video.pix_fmt = frame.width, frame.height, frame.format.name
                context = video.codec_context
                context.colorspace, context.color_range = frame.colorspace, frame.color_range
                context.color_trc, context.color_primaries = frame.color_trc, frame.color_primaries
                context.sample_aspect_ratio = pixel_aspect or Fraction(1)
                video.set_display_matrix(matrix)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def picture_frames(count: int, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)) -> Iterator[av.VideoFrame]:
    """The pictures of `write`, as frames of yuv420p."""
    for index in range(count):
        yield av.VideoFrame.from_ndarray(_picture(index, size), format="bgr24").reformat(format="yuv420p")

"""Valid videos that the fuzzer mutates: rendered ones of all codecs and containers, and parts of real ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np

from video_analysis.tests.chaos.mutations import REPRODUCIBLE
from video_analysis.tests.support import synthetic_clips

FRAMES = 20
TINY = (96, 80)
PARTS = {"movflags": "frag_keyframe+empty_moov"}
GROUPS = {"g": "6", "bf": "2", "sc_threshold": "0"}
QUIET = {"x265-params": "log-level=none:keyint=6", "preset": "ultrafast"}
RENDERED: list[tuple[str, str, str, dict[str, str], dict[str, str]]] = [
    ("h264", "libx264", "mp4", GROUPS, {}),
    ("h264-fragments", "libx264", "mp4", GROUPS, PARTS),
    ("h264-web", "libx264", "mp4", GROUPS, {"movflags": "faststart"}),
    ("h264-mov", "libx264", "mov", GROUPS, {}),
    ("h264-mkv", "libx264", "matroska", GROUPS, {}),
    ("h264-ts", "libx264", "mpegts", GROUPS, {}),
    ("h264-avi", "libx264", "avi", {"g": "6", "bf": "0"}, {}),
    ("h264-flv", "libx264", "flv", GROUPS, {}),
    ("h264-raw", "libx264", "h264", GROUPS, {}),
    ("h264-interlaced", "libx264", "mp4", {"x264-params": "tff=1:keyint=6"}, {}),
    ("hevc", "libx265", "mp4", QUIET, {}),
    ("hevc-ts", "libx265", "mpegts", QUIET, {}),
    ("hevc-raw", "libx265", "hevc", QUIET, {}),
    ("mpeg4", "mpeg4", "mp4", {"g": "6", "bf": "2"}, {}),
    ("mpeg4-avi", "mpeg4", "avi", {"g": "6"}, {}),
    ("mpeg2-ps", "mpeg2video", "mpeg", {"g": "6"}, {}),
    ("mpeg2-ts", "mpeg2video", "mpegts", {"g": "6"}, {}),
    ("mpeg1-ps", "mpeg1video", "mpeg", {"g": "6"}, {}),
    ("mjpeg-avi", "mjpeg", "avi", {}, {}),
    ("mjpeg-mov", "mjpeg", "mov", {}, {}),
    ("vp8", "libvpx", "matroska", {"deadline": "realtime", "g": "6"}, {}),
    ("vp9", "libvpx-vp9", "matroska", {"deadline": "realtime", "g": "6"}, {}),
    ("av1", "libsvtav1", "mp4", {"preset": "12", "g": "6"}, {}),
    ("ffv1", "ffv1", "matroska", {}, {}),
    ("flv1", "flv", "flv", {"g": "6"}, {}),
    ("h263", "h263", "mov", {}, {}),
    ("wmv1-avi", "wmv1", "avi", {"g": "6"}, {}),
    ("wmv2-mkv", "wmv2", "matroska", {"g": "6"}, {}),
    ("msmpeg4-avi", "msmpeg4", "avi", {"g": "6"}, {}),
    ("prores", "prores_ks", "mov", {}, {}),
    ("qtrle", "qtrle", "mov", {}, {}),
    ("png", "png", "mov", {}, {}),
    ("raw", "rawvideo", "mov", {}, {}),
]
OTHER_PIXELS = {
    "mjpeg": "yuvj420p",
    "prores_ks": "yuv422p10le",
    "qtrle": "rgb24",
    "png": "rgb24",
    "rawvideo": "uyvy422",
}
REAL_PACKETS = 40


def all_of(folder: Path, real: Path | None) -> dict[str, bytes]:
    """Name → content. Codecs that this build cannot encode are left out."""
    return dict(_rendered(folder)) | dict(_real(folder, real) if real and real.is_dir() else ())


def _rendered(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name, codec, container, options, flags in RENDERED:
        path = folder / f"seed.{container}"
        size = (128, 96) if codec == "h263" else TINY
        frames = (frame.reformat(format=OTHER_PIXELS.get(codec, "yuv420p")) for frame in _pictures(size))
        try:
            synthetic_clips.write_frames(
                path, frames, codec=codec, options=options, format_options=flags | REPRODUCIBLE
            )
        except (av.FFmpegError, ValueError):
            continue
        yield name, path.read_bytes()


def _pictures(size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    """A textured ground and a bright block that moves over it."""
    width, height = size
    ground = (
        np.random.default_rng(1).integers(40, 200, (height // 4, width // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    )
    for index in range(FRAMES):
        picture = ground.copy()
        picture[20:50, 3 * index : 3 * index + 30] = (250, 120, index)
        yield av.VideoFrame.from_ndarray(picture, format="bgr24")


def _real(folder: Path, real: Path) -> Iterator[tuple[str, bytes]]:
    """The first packets of each real file, in its own container; small files as they are."""
    for path in sorted([*real.glob("video/*.mp4"), *real.glob("video/containers/*"), *real.glob("cases/*")]):
        if path.suffix in {".mp4", ".mov", ".mkv", ".avi", ".ts"}:
            with contextlib.suppress(ValueError):  # AV1: no muxer without its encoder
                yield path.name, _beginning(path, folder / f"seed{path.suffix}")


def _beginning(source: Path, target: Path) -> bytes:
    kind = synthetic_clips.FORMATS.get(target.suffix, target.suffix[1:])
    with av.open(str(source)) as original, av.open(str(target), "w", format=kind, options=REPRODUCIBLE) as output:
        streams = original.streams.video
        copies = {stream.index: output.add_stream_from_template(stream) for stream in streams}
        for packet in islice(original.demux(*streams), REAL_PACKETS):
            if packet.dts is not None and packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    return target.read_bytes()

"""Clips for the comparison of decoders: a real or simulated clip, scaled and encoded in each codec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import av
import numpy as np

SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
QUIET = "log-level=none"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the clip is encoded."""

    codec: str
    options: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    pixel_aspect: Fraction = Fraction(1)
    transfer: int = 2
    """Code point of ITU-T H.273; 2: not stated."""
    matrix: int = 2


H264 = Encoding("libx264", {"preset": "veryfast"})
HEVC = Encoding("libx265", {"preset": "ultrafast", "x265-params": QUIET})
CODECS = {"H.264": H264, "HEVC": HEVC, "MPEG-4": Encoding("mpeg4", {"b": "4000000"})}
TEN_BIT = Encoding("libx265", HEVC.options, "yuv420p10le")
COSTS = {
    "deinterlacing": (H264, Encoding("libx264", {"preset": "veryfast", "x264-params": "tff=1"})),
    "square pixels (4:3)": (H264, Encoding("libx264", H264.options, pixel_aspect=Fraction(4, 3))),
    "tone mapping (HLG)": (TEN_BIT, Encoding("libx265", HEVC.options, "yuv420p10le", transfer=18, matrix=9)),
}
"""What is done to a picture: an encoding without it, and one with it."""


def pictures(clip: Path | None, count: int, size: tuple[int, int]) -> list[av.VideoFrame]:
    """The clip's frames, forward again and again until there are enough; without a clip, textured ones that move."""
    if clip is None:
        return list(islice(_textured(size), count))
    with av.open(str(clip)) as source:
        frames = [frame.reformat(*size, "yuv420p") for frame in islice(source.decode(video=0), count)]
    return list(islice(cycle(frames), count))


def encoded(frames: Sequence[av.VideoFrame], target: Path, how: Encoding) -> Path:
    """The frames at 25 per second."""
    with av.open(str(target), "w") as output:
        stream = cast("av.VideoStream", output.add_stream(how.codec, rate=25, options=how.options))
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, how.pixels
        context = stream.codec_context
        context.sample_aspect_ratio, context.color_trc, context.colorspace = how.pixel_aspect, how.transfer, how.matrix
        for index, frame in enumerate(frames):
            picture = frame.reformat(format=how.pixels)
            picture.pts, picture.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return target


def _textured(size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    width, height = size
    coarse = np.random.default_rng(1).integers(30, 220, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    ground = np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[:height, :width])
    step = 0
    while True:
        picture = ground.copy()
        left = 4 * step % (width - width // 5)
        picture[height // 3 : height // 2, left : left + width // 5] = ground[: height // 2 - height // 3, : width // 5]
        yield av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        step += 1

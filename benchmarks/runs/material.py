"""The clip of the measurement: real footage of one size, played again and again for some minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import av

WIDTH_PX, HEIGHT_PX, FPS = 640, 360, 24
CODEC, OPTIONS = "libx264", {"preset": "veryfast"}


def clips(data: Path) -> list[Path]:
    """The real clips of about this size."""
    return sorted((data / "video").glob("*_640x3*.mp4"))


def long_clip(sources: Sequence[Path], seconds: float, target: Path) -> Path:
    """The clips one after the other until the length is reached, encoded once."""
    partial = target.with_name(f"partial-{target.name}")
    with av.open(str(partial), "w", format="mp4") as output:
        stream = cast("av.VideoStream", output.add_stream(CODEC, rate=FPS, options=OPTIONS))
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for index, frame in enumerate(islice(_frames(sources), round(FPS * seconds))):
            picture = frame.reformat(WIDTH_PX, HEIGHT_PX, "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return partial.rename(target)


def _frames(sources: Sequence[Path]) -> Iterator[av.VideoFrame]:
    for path in cycle(sources):
        with av.open(str(path)) as source:
            yield from source.decode(video=0)

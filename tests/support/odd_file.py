"""What is known of an unusual file by construction, and what its makers share.

The pictures are those of `synthetic_clips`: frame i is grey, its brightness gives i modulo 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
from av.bitstream import BitStreamFilterContext

from video_analysis.tests.support import synthetic_clips as clips

GROUPS = {"g": "10", "sc_threshold": "0", "bf": "0"}
B_FRAMES = {"g": "12", "sc_threshold": "0", "bf": "3", "b_strategy": "0"}
OPEN_GROUPS = B_FRAMES | {"x264-params": "open-gop=1:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0"}
HEVC = {"x265-params": "log-level=none"}
EVEN_MS = clips.every(40, 50)
SIZE = (clips.WIDTH_PX, clips.HEIGHT_PX)


@dataclass(frozen=True, slots=True)
class Odd:
    """One file and what is right for it."""

    path: Path
    offsets_ms: Sequence[int]
    pictures: Sequence[int | None] | None = None
    """Number of the picture that each frame shows, None where that does not matter. Without it: 0, 1, 2, …"""
    size: tuple[int, int] = SIZE
    missing: int = 0
    """Frames that are counted as missing."""
    refused: str | None = None
    """Code of the refusal."""


Maker = Callable[[Path], Odd]
KINDS: dict[str, Maker] = {}


def kind(maker: Maker) -> Maker:
    """Add to the list of kinds."""
    KINDS[maker.__name__] = maker
    return maker


def plain(path: Path, options: dict[str, str] | None = None, **arguments: str) -> Path:
    return clips.write(path, EVEN_MS, codec_options=options or GROUPS, **arguments)  # type: ignore[arg-type]


def changed(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def packets(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 188] for at in range(0, len(data), 188))


def filtered(source: Path, target: Path, bitstream_filter: str) -> Path:
    with av.open(str(source)) as original, av.open(str(target), "w") as output:
        video = original.streams.video[0]
        copy = output.add_stream_from_template(video)
        change = BitStreamFilterContext(bitstream_filter, video, copy)
        for packet in original.demux(video):
            for one in change.filter(packet if packet.size else None):
                one.stream = copy
                output.mux(cast("av.Packet[av.VideoStream]", one))
    return target


def joined_packets(sources: Iterable[Path], target: Path) -> Path:
    """The packets of several files in one stream, described as in the first."""
    copy, step = None, 0
    with av.open(str(target), "w") as output:
        for source in sources:
            with av.open(str(source)) as original:
                video = original.streams.video[0]
                copy = copy or output.add_stream_from_template(video)
                for packet in original.demux(video):
                    if packet.size:
                        packet.pts = packet.dts = step
                        packet.stream = copy
                        output.mux(packet)
                        step += 1
    return target

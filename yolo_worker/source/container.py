"""What a video file's own bytes say of its container: which it is, whether it is whole. Pure but for the reading.

The decoder does not tell why it cannot open a file, whether a file was cut off, or whether its frame count
is a table or a guess. Boxes: ISO/IEC 14496-12; elements: RFC 8794 and RFC 9559; chunks: RIFF.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from video_analysis.yolo_worker.source import mp4_index

MP4_BEGINNINGS = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip", b"pnot"}
LARGEST_INDEX_BYTES = 256 * 1024 * 1024
TS_PACKET_BYTES = (188, 192)
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"

Kind = Literal["MP4", "Matroska", "AVI", "MPEG-TS"]


@dataclass(frozen=True, slots=True)
class Container:
    """What is known before any frame is decoded."""

    kind: Kind | None
    """None: none of those we read."""
    size_bytes: int
    announced_bytes: int
    """How long the file must be to hold what its outermost parts say; 0 where they say nothing."""
    has_index: bool = True
    """False for an MP4 without `moov`: its writer, or its upload, never got to the end."""
    has_video: bool = True
    counts_exactly: bool = False
    """Its frame count comes from a table whose every frame is played: MP4, unfragmented, untrimmed."""
    fragmented_frames: int = 0
    """Pictures in the index and in every fragment of a fragmented MP4; 0 for any other. The decoder may see fewer."""
    announced_samples: int = 0
    """For so many an MP4's index makes the decoder find room as soon as it is opened, whatever the file holds."""
    picture_sizes: frozenset[tuple[int, int]] = frozenset()
    """Width × height in px of each kind of picture that an MP4's table lists."""

    @property
    def is_whole(self) -> bool:
        """No part runs past the end of the file."""
        return self.size_bytes >= self.announced_bytes


def read(path: Path) -> Container:
    """Look at the file's outermost parts and, in an MP4, at its index. Reads little more than that."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(TS_PACKET_BYTES[-1] * 2 + 1)
        if start[4:8] in MP4_BEGINNINGS:
            return _mp4(file, size)
        if start[:4] == EBML:
            return Container("Matroska", size, _matroska_bytes(start))
        if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            return Container("AVI", size, 8 + int.from_bytes(start[4:8], "little"))
        if any(start[:1] == start[step : step + 1] == b"\x47" for step in TS_PACKET_BYTES):
            return Container("MPEG-TS", size, 0)
    return Container(None, size, 0)


def _matroska_bytes(start: bytes) -> int:
    """Where the segment ends, 0 if it is open-ended; both headers are variable-length integers."""
    length, at = _vint(start, 4)
    at += length
    if length < 0 or start[at : at + 4] != SEGMENT:
        return 0
    length, at = _vint(start, at + 4)
    return at + length if length >= 0 else 0


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends); -1 for 'unknown', all ones."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (-1 if value == (1 << 7 * width) - 1 else value), at + width


def _mp4(file: BinaryIO, size: int) -> Container:
    end, samples, index, fragments = 0, 0, None, list[tuple[int, int]]()
    for kind, body, end in _outer_boxes(file, size):
        if kind not in {b"moov", b"moof"} or min(end, size) - body > LARGEST_INDEX_BYTES:
            continue
        file.seek(body)
        data = file.read(min(end, size) - body)  # reading makes room for all that is asked for
        samples += mp4_index.announced_samples(kind, data)
        if end > size:
            continue  # the decoder believes what is left of it
        if kind == b"moov":
            index = data
        else:
            fragments += mp4_index.runs(data)
    if index is None:
        return Container("MP4", size, end, has_index=False, announced_samples=samples)
    video = next(
        (track for kind, track in mp4_index.boxes(index) if kind == b"trak" and mp4_index.is_video(track)), None
    )
    if video is None:
        return Container("MP4", size, end, has_video=False, announced_samples=samples)
    fragmented = any(kind == b"mvex" for kind, _ in mp4_index.boxes(index))
    exact = not fragmented and mp4_index.played_share(index, video) >= mp4_index.SHARE_OF_ALL
    return Container(
        kind="MP4",
        size_bytes=size,
        announced_bytes=end,
        counts_exactly=exact,
        fragmented_frames=mp4_index.fragmented_frames(video, fragments) if fragmented and fragments else 0,
        announced_samples=samples,
        picture_sizes=mp4_index.picture_sizes(video),
    )


def _outer_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the body begins, where the box says it ends) of each outermost box."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, body = int.from_bytes(header[:4], "big"), at + 8
        if length == 1:
            length, body = int.from_bytes(header[8:], "big"), at + 16
        if length == 0 or not header[4:8].isalnum():
            return
        yield header[4:8], body, at + max(length, 8)
        at += max(length, 8)

"""What the decoder does not report about a file's container: its kind, whether it was cut, how large its index is.

Boxes: ISO/IEC 14496-12; elements: RFC 8794 and RFC 9559; chunks: RIFF.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from video_analysis.yolo_worker.source import mp4_index

MP4_BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip", b"pnot"}
OPAQUE_BOXES = {b"ftyp", b"styp", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid"}
"""The decoder finds no index in them. In any other box it may."""
IMAGE_BRANDS = {b"avif", b"avis", b"heic", b"heim", b"heis", b"heix", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}
"""HEIF (ISO/IEC 23008-12) and AVIF, and their sequences of images."""
SPARE_BOXES = {b"mfra", b"free", b"skip"}
"""No frame is missing where the end of one of them is."""
LARGEST_INDEX_BYTES = 256 * 1024 * 1024
MANY_SAMPLES = 2**32
"""In an index that is too large to be read here."""
FRAGMENT = re.compile(b"moof.{4}mfhd.{4}(.{4})", re.DOTALL)
"""Begin of the table of a fragment, with its number."""
FRAGMENT_BYTES = 20
SEARCHED_BYTES = 1024 * 1024
LARGEST_RANGE_BYTES = 4 * 1024 * 1024
SYNC_BYTE = 0x47
STEPS = {188: (0,), 192: (0, 4), 204: (0, 16)}
"""Length of the packets of an MPEG-TS → where the sync byte may be, counted from the decoder's position of a packet."""
STEP_BYTES = 65_536
TS_PACKET_BYTES = (188, 192)
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"

START_BYTES = 4096
AVI_HEADER_BYTES = 12
FLV_SIZE = b"\x00\x08filesize\x00"
"""Name and type (a double) of the entry in `onMetaData`."""

Kind = Literal["MP4", "Matroska", "AVI", "MPEG-TS", "MPEG-PS", "FLV", "HEIF"]
PROGRAM_STREAM = (b"\x00\x00\x01\xba", b"IMKH")


@dataclass(frozen=True, slots=True)
class Container:
    """What is known before any frame is decoded."""

    kind: Kind | None
    """None: none of these."""
    size_bytes: int
    announced_bytes: int
    """Length of the file by its outermost parts; 0 where they do not state it."""
    has_index: bool = True
    """False for an MP4 without `moov` or an AVI without `idx1`: its writer, or its upload, did not finish."""
    has_video: bool = True
    is_fragmented: bool = False
    """An MP4 whose index may list only a part of its samples."""
    is_broken: bool = False
    """The boxes of a fragmented MP4 end before its fragments do: the decoder reads nothing behind that place."""
    unlisted_bytes: int = 0
    """Length of the media of a fragmented MP4 that no table lists, since that of its fragment is unreadable."""
    cut_table_at: int | None = None
    """Where the last `moof` begins, if the file was cut inside it. The decoder opens what precedes it."""
    ends_in_media: bool = False
    """The last box of an MP4 is `mdat`, or a whole `moof`: all samples are listed up to there."""
    announced_samples: int = 0
    """The decoder allocates memory for so many samples when it opens an MP4, whether the file holds them or not."""
    most_edits: int = 0
    """Length of the longest edit list of an MP4. Each edit may repeat all samples of its track."""
    video_codecs: tuple[str, ...] = ()
    """Code of the codec of each video track of an MP4, in the order of the tracks."""

    @property
    def is_whole(self) -> bool:
        """No part runs past the end of the file."""
        return self.size_bytes >= self.announced_bytes


def read(path: Path) -> Container:
    """Read the file's outermost parts and, in an MP4, its index."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(START_BYTES)
        if start[:4] == EBML:
            return Container("Matroska", size, _matroska_bytes(start))
        if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            return _avi(file, size)
        if start[:4] == b"FLV\x01":
            return Container("FLV", size, _flv_bytes(start))
        if kind := _kind_without_length(start):
            return Container(kind, size, 0)
        if any(kind in MP4_BOXES for kind, _, _ in _outer_boxes(file, size)):
            return _mp4(file, size)
    return Container(None, size, 0)


def _kind_without_length(start: bytes) -> Kind | None:
    """Kinds whose first bytes do not state a length."""
    if any(start[:1] == start[step : step + 1] == b"\x47" for step in TS_PACKET_BYTES):
        return "MPEG-TS"
    if start[4:8] == b"ftyp" and start[8:12] in IMAGE_BRANDS:
        return "HEIF"
    return "MPEG-PS" if start.startswith(PROGRAM_STREAM) else None


def packet_bytes(path: Path) -> int:
    """Length of the packets of an MPEG-TS: 188, with a time code 192, with a checksum 204."""
    with path.open("rb") as file:
        data = file.read(STEP_BYTES)
    return min(STEPS, key=lambda step: min(_without_sync(data, begin, step) for begin in STEPS[step]))


def unsound_bytes(path: Path, step: int, begin: int, end: int) -> int:
    """How many bytes of this range of an MPEG-TS are not packets of `step` bytes with their sync byte."""
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(min(end - begin, LARGEST_RANGE_BYTES))
    return min(_without_sync(data, begin, step) for begin in STEPS[step])


def _without_sync(data: bytes, at: int, step: int) -> int:
    """How many bytes from `at` on are not in packets of this length. Behind them the next packets are searched."""
    found = 0
    while at < len(data):
        begin = at
        while data[at] != SYNC_BYTE or data[at + step : at + step + 1] not in (b"", b"\x47"):
            at = data.find(SYNC_BYTE, at + 1)
            if at < 0:
                return found + len(data) - begin
        found += at - begin
        at += step
    return found


def _avi(file: BinaryIO, size: int) -> Container:
    """RIFF chunks of even length; `movi` is a list among them, `idx1` follows it."""
    file.seek(4)
    announced, at, has_index = 8 + int.from_bytes(file.read(4), "little"), AVI_HEADER_BYTES, False
    while not has_index and at + 8 <= size:
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        has_index = name == b"idx1"
        at += 8 + length + length % 2
    return Container("AVI", size, announced, has_index=has_index)


def _flv_bytes(start: bytes) -> int:
    """The length of the file by its metadata, 0 where they do not state it."""
    at = start.find(FLV_SIZE) + len(FLV_SIZE)
    stated: float = struct.unpack(">d", start[at : at + 8])[0] if len(FLV_SIZE) <= at <= len(start) - 8 else 0.0
    return int(stated) if math.isfinite(stated) else 0


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
    end, samples, index, kind, begin = 0, 0, None, b"", 0
    sequence, unlisted, has_table = 0, 0, True
    for kind, body, end in _outer_boxes(file, size):
        begin = body - (8 if kind == b"moof" else 0)
        if kind == b"mdat" and not has_table:
            unlisted, has_table = unlisted + min(end, size) - body, True
        if kind in OPAQUE_BOXES:
            continue
        if min(end, size) - body > LARGEST_INDEX_BYTES:
            samples += MANY_SAMPLES
            continue
        file.seek(body)
        data = file.read(min(end, size) - body)  # the buffer has the size that is requested
        if kind == b"moov":
            data, is_complete = mp4_index.uncompressed(data, LARGEST_INDEX_BYTES)
            samples += 0 if is_complete else MANY_SAMPLES
        samples += mp4_index.announced_samples(data)
        if kind == b"moov" and end <= size:
            index = data
        if kind == b"moof":
            sequence, has_table = max(sequence, int.from_bytes(data[12:16], "big")), b"trun" in data
    codecs = None if index is None else mp4_index.video_codecs(index)
    is_fragmented = index is not None and any(kind == b"mvex" for kind, _ in mp4_index.boxes(index))
    return Container(
        kind="MP4",
        size_bytes=size,
        announced_bytes=_announced_bytes(kind, end, size),
        has_index=index is not None,
        has_video=codecs is None or bool(codecs),
        is_fragmented=is_fragmented,
        is_broken=is_fragmented and kind != b"mfra" and _has_fragment_behind(file, end, size, sequence),
        unlisted_bytes=unlisted if is_fragmented else 0,
        cut_table_at=begin if kind == b"moof" and end > size else None,
        ends_in_media=kind == b"mdat" or (kind == b"moof" and end <= size),
        announced_samples=samples,
        most_edits=0 if index is None else mp4_index.most_edits(index),
        video_codecs=tuple(codecs or ()),
    )


def _announced_bytes(kind: bytes, end: int, size: int) -> int:
    """Length of the file by its last box. Media follows each `moof`."""
    if kind in SPARE_BOXES:
        return min(end, size)
    return end + 8 if kind == b"moof" else end


def _has_fragment_behind(file: BinaryIO, at: int, size: int, sequence: int) -> bool:
    """Whether a later fragment than number `sequence` lies behind `at`, where the readable boxes end."""
    kept = b""
    while at < size:
        file.seek(at)
        data = kept + file.read(SEARCHED_BYTES)
        if any(int.from_bytes(found[1], "big") > sequence for found in FRAGMENT.finditer(data)):
            return True
        at, kept = at + SEARCHED_BYTES, data[-FRAGMENT_BYTES:]
    return False


def _outer_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, begin of the body, end by the header) of each outermost box; the last may run to the end of the file.

    What follows the last box (zeros, rubbish) is left out: its kind is no word, and its length leads beyond the file.
    """
    at = 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, body = int.from_bytes(header[:4], "big"), at + 8
        if length == 1:
            length, body = int.from_bytes(header[8:], "big"), at + 16
        if length == 0:
            length = size - at
        end = at + max(length, 8)
        if not header[4:8].isalnum() and (end >= size or length < 8):
            return
        yield header[4:8], body, end
        at = end

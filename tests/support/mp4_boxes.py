"""Boxes of MP4 files: built, inserted, exchanged, moved. The index (moov) is at the end of the file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from video_analysis.tests.support import synthetic_clips as clips

TRAK = (b"moov", b"trak")
STBL = (*TRAK, b"mdia", b"minf", b"stbl")


def box(name: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + name + body


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big", signed=value < 0) for value in values)


def with_bytes(data: bytes, path: Sequence[bytes], at: int, removed: int, added: bytes) -> bytes:
    """Bytes of the innermost box exchanged, the lengths of all boxes of the path corrected (index at the end)."""
    changed, positions = bytearray(data), clips.box_positions(data, *path)
    begin = positions[-1] + at
    changed[begin : begin + removed] = added
    for position in positions:
        length = int.from_bytes(changed[position : position + 4], "big") + len(added) - removed
        changed[position : position + 4] = length.to_bytes(4, "big")
    return bytes(changed)


def with_box(data: bytes, path: Sequence[bytes], added: bytes) -> bytes:
    """A box more at the end of the innermost box."""
    position = clips.box_positions(data, *path)[-1]
    return with_bytes(data, path, int.from_bytes(data[position : position + 4], "big"), 0, added)


def without_box(data: bytes, *path: bytes) -> bytes:
    """The innermost box renamed to `free`."""
    at = clips.box_positions(data, *path)[-1]
    return data[: at + 4] + b"free" + data[at + 8 :]


def outer_boxes(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at : at + length]
        at += length


def moved(data: bytes, shift: int) -> bytes:
    """The same index for media that lie `shift` bytes later (one track)."""
    at = clips.box_positions(data, *STBL, b"stco")[-1] + 12
    changed = bytearray(data)
    for place in range(int.from_bytes(data[at : at + 4], "big")):
        where = at + 4 + 4 * place
        changed[where : where + 4] = (int.from_bytes(data[where : where + 4], "big") + shift).to_bytes(4, "big")
    return bytes(changed)


def edits(*entries: tuple[int, int]) -> bytes:
    """(length in ms, begin in the media's unit or -1 for an empty edit) of each edit; the movie's unit is 1 ms."""
    body = b"".join(numbers(length, begin, 1 << 16) for length, begin in entries)
    return box(b"edts", box(b"elst", numbers(0, len(entries)) + body))


def with_edits(data: bytes, *entries: tuple[int, int]) -> bytes:
    return with_box(without_box(data, *TRAK, b"edts"), TRAK, edits(*entries))


def with_compressed_index(data: bytes) -> bytes:
    """As QuickTime compresses it; the index is the last box."""
    *others, index = outer_boxes(data)
    packed = box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", numbers(len(index)) + zlib.compress(index)))
    return b"".join(others) + box(b"moov", packed)

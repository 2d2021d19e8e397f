"""The index of an MP4: how many samples it announces, which codecs its video tracks have (ISO/IEC 14496-12). Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

TABLES = re.compile(b"stsz|stz2|trun")
_TABLES = (b"mdia", b"minf", b"stbl")
_ONE = (1).to_bytes(4, "big")


def announced_samples(body: bytes) -> int:
    """Samples for which the decoder allocates memory when it opens a file with this `moov` or `moof`, over all tracks.

    Their tables are counted wherever they are: the decoder also reads them outside their proper place.
    Uncompressed audio (one sample per tick) is not counted: the decoder allocates that by the chunk.
    """
    tracks = (track for name, track in boxes(body) if name == b"trak")
    return _table_length(body) - sum(_table_length(track) for track in tracks if _is_uncompressed_audio(track))


def _table_length(data: bytes) -> int:
    found = (match.end() + (4 if match[0] == b"trun" else 8) for match in TABLES.finditer(data))
    return sum(int.from_bytes(data[at : at + 4], "big") for at in found)


def uncompressed(index: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """The body of `moov` where QuickTime compressed it (`cmov`), and whether it is no longer than `most_bytes`."""
    packed = inside(index, b"cmov", b"cmvd")[4:]
    if not packed:
        return index, True
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(packed, most_bytes)
    except zlib.error:
        return index, True
    return inside(data, b"moov"), not inflate.unconsumed_tail


def _is_uncompressed_audio(track: bytes) -> bool:
    times = inside(track, *_TABLES, b"stts")
    return handler(track) == b"soun" and times[4:8] == times[12:16] == _ONE


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each box, as far as they are well formed."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


def inside(data: bytes, *path: bytes) -> bytes:
    """The body of the first box at the end of the path; empty where there is none."""
    for name in path:
        data = next((body for kind, body in boxes(data) if kind == name), b"")
    return data


def is_video(track: bytes) -> bool:
    """Whether it is a video track."""
    return handler(track) == b"vide"


def handler(track: bytes) -> bytes:
    """Code of the kind of the track: `vide`, `soun`, …"""
    return inside(track, b"mdia", b"hdlr")[8:12]


def video_codecs(index: bytes) -> list[str]:
    """The code of each video track's codec: the name of the first entry of `stsd`."""
    tracks = (track for name, track in boxes(index) if name == b"trak" and is_video(track))
    return [_text(inside(track, *_TABLES, b"stsd")[12:16]) for track in tracks]


def most_edits(index: bytes) -> int:
    """The number of edits of the track that has most of them, over all its edit lists."""
    tracks = (track for name, track in boxes(index) if name == b"trak")
    return max((sum(_edits(track)) for track in tracks), default=0)


def _edits(track: bytes) -> Iterator[int]:
    for name, edits in boxes(track):
        if name == b"edts":
            yield from (int.from_bytes(body[4:8], "big") for kind, body in boxes(edits) if kind == b"elst")


def _text(code: bytes) -> str:
    text = code.decode("latin-1")
    return text.strip() if text.isascii() and text.isprintable() else code.hex()

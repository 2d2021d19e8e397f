"""Hundreds of broken copies of real clips: truncated, bits flipped, false headers. Seeded, so always the same.

Offsets are those of version 0 of each box (ISO/IEC 14496-12), from the start of the box.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from video_analysis.tests.support import synthetic_clips

Broken = tuple[str, bytes]
"""Family and content."""
Lie = tuple[tuple[bytes, ...], int, Sequence[int]]
"""Box, offset in it, and the 32-bit values to write there, each into its own copy."""

MOST = 2**32 - 1
MDIA = (b"moov", b"trak", b"mdia")
STBL = (*MDIA, b"minf", b"stbl")
STSD, STSZ, STTS, STSC, STCO = ((*STBL, name) for name in (b"stsd", b"stsz", b"stts", b"stsc", b"stco"))
MVHD, TKHD, MDHD, HDLR = (b"moov", b"mvhd"), (b"moov", b"trak", b"tkhd"), (*MDIA, b"mdhd"), (*MDIA, b"hdlr")
SIZES = [(0, 0), (1, 1), (800, 0), (64, 48), (1600, 1200), (8000, 8000), (16384, 3900), (65535, 65535)]
LIES: dict[str, list[Lie]] = {
    "size lies": [
        (STSD, 48, [width << 16 | height for width, height in SIZES]),
        (TKHD, 84, [0, MOST]),
        (TKHD, 88, [0, MOST]),
    ],
    "rate lies": [(MDHD, 20, [0, 1, 7, 2**31, MOST]), (STTS, 20, [0, 1, 2**31 - 1, 2**31, MOST]), (STTS, 12, [0])],
    "duration lies": [
        (MVHD, 24, [0, 2**31, MOST]),
        (MDHD, 24, [0, 2**31, MOST]),
        (TKHD, 28, [0, MOST]),
        (MVHD, 20, [0, 1, MOST]),
    ],
    "millions announced": [
        (STSZ, 16, [5_000_000, 2**31, MOST]),
        (STTS, 16, [0, 5_000_000, MOST]),
        (STSC, 20, [0, 5_000_000, MOST]),
        (STSC, 12, [0, MOST]),
        (STCO, 12, [0, 5_000_000, MOST]),
    ],
    "samples elsewhere": [(STCO, 16, [0, 40, 2**31, MOST]), (STSZ, 20, [0, 1, 2**24, MOST]), (STSZ, 12, [1, 2**24])],
    "no video stream": [
        (HDLR, 16, [int.from_bytes(kind, "big") for kind in (b"soun", b"text", b"tmcd", b"zzzz")]),
        (STSD, 20, [int.from_bytes(kind, "big") for kind in (b"xxxx", b"mp4a", b"tx3g", b"hev1", b"mjpg", b"raw ")]),
    ],
    "box length lies": [
        *((STBL[:depth], 0, [0, 1, 7, 9, MOST]) for depth in range(1, len(STBL) + 1)),
        *((box, 0, [0, 1, 8, MOST]) for box in (STSD, STSZ, STCO)),
    ],
}
CUTS, HITS = 9, 12
NO_VIDEOS = [
    b"",
    b"\0",
    b"\xff\xd8\xff\xe0" + bytes(500),
    b"PK\3\4" + bytes(500),
    bytes(70_000),
    b"#EXTM3U\n/etc/passwd",
]


def all_of(folder: Path, seed: int) -> Iterator[Broken]:
    """Every broken copy of the clips under `folder`."""
    rng = random.Random(seed)
    small = [folder / "otvision_cars_truck_800x600_60f.mp4", *sorted((folder / "containers").glob("*.mov"))]
    for source in small:
        content = source.read_bytes()
        yield from lies(content)
        yield from bombs(content)
    for source in sorted(folder.glob("*.mp4")) + sorted((folder / "containers").iterdir()):
        content = source.read_bytes()
        yield from (("truncated", content[: int(len(content) * rng.random())]) for _ in range(CUTS))
        yield "truncated", content[:-1]
    for source in [small[0], *sorted((folder / "containers").iterdir())]:
        yield from (("bit-flipped", hit(source.read_bytes(), rng)) for _ in range(HITS))
    for content in [*NO_VIDEOS, rng.randbytes(100_000)]:
        yield "no video at all", content


def lies(content: bytes) -> Iterator[Broken]:
    """Copies with one false header value each."""
    for family, headers in LIES.items():
        for path, offset, values in headers:
            yield from ((family, overwritten(content, path, offset, value)) for value in values)


def bombs(content: bytes) -> Iterator[Broken]:
    """Small files whose headers announce very many frames."""
    for count in (1_000_000, 50_000_000):
        one_size = overwritten(overwritten(content, STSZ, 12, 1), STSZ, 16, count)
        yield "millions announced", overwritten(one_size, STSC, 20, count)
        yield "millions announced", overwritten(overwritten(one_size, STSC, 20, count), STTS, 16, count)
    run = _box(b"trun", struct.pack(">II", 0, 50_000_000))
    head = _box(b"tfhd", struct.pack(">III", 0x020018, 1, 40) + struct.pack(">I", 1))
    fragment = _box(b"moof", _box(b"traf", head + run))
    extended = inserted(content, (b"moov",), _box(b"mvex", _box(b"trex", struct.pack(">6I", 0, 1, 1, 40, 1, 0))))
    yield "millions announced", extended + fragment
    edits = struct.pack(">II", 0, 50_000) + struct.pack(">IiI", 3000, 0, 1 << 16) * 50_000
    yield "endless edit list", inserted(content, (b"moov", b"trak"), _box(b"edts", _box(b"elst", edits)))
    yield "boxes in boxes", inserted(content, (b"moov",), _nested(5000))


def hit(content: bytes, rng: random.Random) -> bytes:
    """A copy with 1 to 300 flipped bits, in the whole file or in the index only."""
    data, first = bytearray(content), 0
    if rng.random() < 0.5 and data[4:8] == b"ftyp":
        first = synthetic_clips.box_positions(data, b"moov")[0]
    for _ in range(rng.choice([1, 5, 30, 300])):
        data[rng.randrange(first, len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def overwritten(content: bytes, path: tuple[bytes, ...], offset: int, value: int) -> bytes:
    """A copy with one 32-bit number replaced."""
    at = synthetic_clips.box_positions(content, *path)[-1] + offset
    return content[:at] + value.to_bytes(4, "big") + content[at + 4 :]


def inserted(content: bytes, path: tuple[bytes, ...], box: bytes) -> bytes:
    """A copy with another box at the end of the box at `path` (the index must be at the end of the file)."""
    data, positions = bytearray(content), synthetic_clips.box_positions(content, *path)
    length = int.from_bytes(data[positions[-1] : positions[-1] + 4], "big")
    data[positions[-1] + length : positions[-1] + length] = box
    for at in positions:
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(box)).to_bytes(4, "big")
    return bytes(data)


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _nested(depth: int) -> bytes:
    return b"".join((8 * (depth - level)).to_bytes(4, "big") + b"trak" for level in range(depth))

"""What the index of an MP4 says: its tracks, their tables and clocks, its fragments (ISO/IEC 14496-12). Pure."""

from __future__ import annotations

from collections.abc import Iterator

SHARE_OF_ALL = 0.995
"""An edit list this near to the media's length trims nothing: it is rounded to another clock."""
_TABLES = (b"mdia", b"minf", b"stbl")
_ONE = (1).to_bytes(4, "big")


def runs(fragment: bytes) -> Iterator[tuple[int, int]]:
    """(track's number, samples) of each track that a `moof` goes on with."""
    for kind, part in boxes(fragment):
        if kind == b"traf":
            samples = sum(int.from_bytes(run[4:8], "big") for name, run in boxes(part) if name == b"trun")
            yield int.from_bytes(inside(part, b"tfhd")[4:8], "big"), samples


def fragmented_frames(track: bytes, fragments: list[tuple[int, int]]) -> int:
    """Samples in the track's own table (`stsz`, `stz2`) and in its fragments."""
    header = inside(track, b"tkhd")
    at = 20 if header[:1] == b"\x01" else 12
    number = int.from_bytes(header[at : at + 4], "big")
    return _table_length(inside(track, *_TABLES)) + sum(samples for owner, samples in fragments if owner == number)


def announced_samples(kind: bytes, body: bytes) -> int:
    """Samples of all tracks for which the decoder would make room when it opens a file with this `moov` or `moof`.

    Sound of one tick a sample (PCM) is not among them: the decoder makes room for that a chunk at a time.
    """
    if kind == b"moof":
        return sum(samples for _, samples in runs(body))
    tracks = (track for name, track in boxes(body) if name == b"trak")
    return sum(_table_length(inside(track, *_TABLES)) for track in tracks if not _is_plain_sound(track))


def _table_length(tables: bytes) -> int:
    return sum(int.from_bytes(table[8:12], "big") for name, table in boxes(tables) if name in {b"stsz", b"stz2"})


def _is_plain_sound(track: bytes) -> bool:
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
    """Whether the track says that it holds pictures."""
    return handler(track) == b"vide"


def handler(track: bytes) -> bytes:
    """What kind of track it says it is."""
    return inside(track, b"mdia", b"hdlr")[8:12]


def played_share(index: bytes, track: bytes) -> float:
    """How much of the track its edit list plays; 1 without one."""
    edits = inside(track, b"edts", b"elst")
    played = sum(length for length, start in _edits(edits) if start >= 0)
    if not edits or not played:
        return 1.0
    movie_scale, _ = _clock(inside(index, b"mvhd"))
    media_scale, media_length = _clock(inside(track, b"mdia", b"mdhd"))
    if not (movie_scale and media_scale and media_length):
        return 1.0
    return (played / movie_scale) / (media_length / media_scale)


def _edits(data: bytes) -> Iterator[tuple[int, int]]:
    """(length on the movie's clock, start on the media's; -1 is a pause) of each edit."""
    width = 8 if data[:1] == b"\x01" else 4
    for at in range(8, len(data) - 2 * width - 3, 2 * width + 4):
        start = int.from_bytes(data[at + width : at + 2 * width], "big", signed=True)
        yield int.from_bytes(data[at : at + width], "big"), start


def _clock(header: bytes) -> tuple[int, int]:
    """(ticks a second, length in ticks) of mvhd and mdhd, which begin alike."""
    at, width = (20, 8) if header[:1] == b"\x01" else (12, 4)
    return int.from_bytes(header[at : at + 4], "big"), int.from_bytes(header[at + 4 : at + 4 + width], "big")


def picture_sizes(track: bytes) -> frozenset[tuple[int, int]]:
    """Width × height in px of each kind of picture that the track's table lists."""
    entries = inside(track, *_TABLES, b"stsd")[8:]
    return frozenset(
        (int.from_bytes(entry[24:26], "big"), int.from_bytes(entry[26:28], "big")) for _, entry in boxes(entries)
    )

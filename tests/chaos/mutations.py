"""Mutations of video files: bytes, header fields of MP4, Matroska, AVI and MPEG-TS, and packets. Seeded by the caller.

Layouts: boxes of ISO/IEC 14496-12, elements of RFC 8794, chunks of RIFF, packets of ISO/IEC 13818-1.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from typing import Literal, cast

import av
from av.container import InputContainer, OutputContainer

Mutation = Callable[[bytes, random.Random], bytes]

INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
LARGEST_BLOCK = 4096
PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"moof", b"traf", b"udta"}
MASTERS = {"1a45dfa3", "18538067", "1549a966", "1654ae6b", "ae", "e0", "1f43b675", "a0", "1c53bb6b", "bb", "114d9b74"}
TS_BYTES = 188
START_CODE = b"\0\0\1"
REPRODUCIBLE = {"fflags": "+bitexact"}
"""Without it Matroska has a random id."""
EBML, RIFF = b"\x1a\x45\xdf\xa3", b"RIFF"


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """1 to 300 bits, in the whole file or in its first 4 KB."""
    changed = bytearray(data)
    end = len(data) if rng.random() < 0.7 else min(len(data), LARGEST_BLOCK)
    for _ in range(rng.choice([1, 3, 30, 300])):
        changed[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Without its end, its beginning, or a part of its middle."""
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice([data[:last], data[first:], data[:first] + data[last:]])


def move_blocks(data: bytes, rng: random.Random) -> bytes:
    """A block swapped with another, repeated, zeroed, or random."""
    length = rng.randrange(1, min(LARGEST_BLOCK, len(data)) + 1)
    here, there = (rng.randrange(len(data) - length + 1) for _ in range(2))
    block = data[here : here + length]
    other = data[there : there + length]
    if rng.random() < 0.25:
        return data[:here] + block * rng.choice([2, 3, 50]) + data[here + length :]
    changed = bytearray(data)
    changed[here : here + length] = rng.choice([other, bytes(length), rng.randbytes(length), b"\xff" * length])
    if rng.random() < 0.5:
        changed[there : there + length] = block
    return bytes(changed)


def edit_field(data: bytes, rng: random.Random) -> bytes:
    """A number of the container's structure replaced: a length, a kind, a count, a value."""
    found = list(_fields(data))
    if not found:
        return overwritten(data, rng.randrange(len(data)), rng)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        header, body, end = rng.choice(found)
        at = rng.choice(
            [header, header + 4, body, body + 4, body + 8, body + 12, rng.randrange(body, max(end, body + 1))]
        )
        data = overwritten(data, at, rng)
    return data


def overwritten(data: bytes, at: int, rng: random.Random) -> bytes:
    """1, 2, 4 or 8 bytes replaced by a limit of their range, or by a random number."""
    width = rng.choice([1, 2, 4, 4, 4, 8])
    value = rng.choice(INTERESTING) if rng.random() < 0.7 else rng.getrandbits(32)
    order: Literal["big", "little"] = rng.choice(["big", "big", "little"])
    number = (value & ((1 << 8 * width) - 1)).to_bytes(width, order)
    return data[:at] + number + data[at + width :]


def edit_units(data: bytes, rng: random.Random) -> bytes:
    """Units of a stream (transport packets, or parts from start code to start code) dropped, repeated, exchanged."""
    units = _ts_packets(data) if data[:1] == b"G" else [START_CODE + part for part in data.split(START_CODE)]
    for _ in range(rng.choice([1, 4, 20])):
        at, other = rng.randrange(len(units)), rng.randrange(len(units))
        action = rng.randrange(4)
        if action == 0 and len(units) > 1:
            del units[at]
        elif action == 1:
            units.insert(other, units[at])
        elif action == 2:
            units[at], units[other] = units[other], units[at]
        else:
            units[at] = overwritten(units[at], rng.randrange(min(24, len(units[at])) or 1), rng)
    return b"".join(units)


def edit_packets(data: bytes, rng: random.Random) -> bytes:
    """Written again by a muxer, with packets dropped, repeated, damaged, or with other times; unchanged if refused."""
    try:
        with av.open(io.BytesIO(data), "r") as source:
            name = source.format.name.split(",")[0]
            target = io.BytesIO()
            with av.open(target, "w", format=name, options=REPRODUCIBLE) as output:
                _copy(source, output, rng)
    except (av.FFmpegError, ValueError, IndexError, OverflowError):
        return flip_bits(data, rng)
    return target.getvalue()


BYTES: dict[str, Mutation] = {
    "bits": flip_bits,
    "cut": cut,
    "blocks": move_blocks,
    "field": edit_field,
    "units": edit_units,
    "packets": edit_packets,
}


def splice(first: bytes, second: bytes, rng: random.Random) -> bytes:
    """The beginning of one file and the end of another; sometimes both as a whole."""
    if rng.random() < 0.3:
        return first + second
    return first[: rng.randrange(1, len(first))] + second[rng.randrange(len(second)) :]


def _copy(source: InputContainer, output: OutputContainer, rng: random.Random) -> None:
    video = source.streams.video[0]
    copy = output.add_stream_from_template(video)
    share, last = rng.choice([0.02, 0.2, 0.6]), None
    for packet in source.demux(video):
        if packet.size == 0 or packet.dts is None or packet.pts is None:
            continue
        if rng.random() < share:
            action = rng.randrange(4)
            if action == 0:
                continue
            if action == 1:
                packet.pts += rng.choice([-(2**40), -100_000, -1, 1, 100_000, 2**40])
            if action == 2 and last is not None:
                packet = _with(packet, last)  # noqa: PLW2901
            if action == 3:
                packet = _with(packet, flip_bits(bytes(packet), rng))  # noqa: PLW2901
        last = bytes(packet)
        packet.stream = copy
        output.mux(packet)


def _with(packet: av.Packet[av.VideoStream], content: bytes) -> av.Packet[av.VideoStream]:
    changed = cast("av.Packet[av.VideoStream]", av.Packet(content))
    changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
    changed.is_keyframe = packet.is_keyframe
    return changed


def _fields(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(where the header begins, where the body begins, where it ends) of each part of the container's structure."""
    if data[:4] == EBML:
        return _elements(data, 0, len(data))
    if data[:4] == RIFF:
        return _chunks(data, 0, len(data))
    if data[:1] == b"G":
        return ((at, at + 4, at + TS_BYTES) for at in range(0, len(data), TS_BYTES))
    return _boxes(data, 0, len(data))


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at + 8 <= end:
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            return
        until = min(at + length, end)
        if data[at + 4 : at + 8] != b"mdat":
            yield at, at + 8, until
        if data[at + 4 : at + 8] in PARENTS:
            yield from _boxes(data, at + 8, until)
        at += length


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at + 8 <= end:
        until = min(end, at + 8 + int.from_bytes(data[at + 4 : at + 8], "little"))
        yield at, at + 8, until
        if data[at : at + 4] in {RIFF, b"LIST"}:
            yield from _chunks(data, at + 12, until)
        at = until + until % 2


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at + 2 <= end:
        id_bytes = 9 - data[at].bit_length()
        size_at = at + id_bytes
        if size_at >= end:
            return
        size_bytes = 9 - data[size_at].bit_length()
        body = size_at + size_bytes
        size = int.from_bytes(data[size_at:body], "big") & ((1 << 7 * size_bytes) - 1)
        until = min(end, body + size)
        yield at, body, until
        if data[at:size_at].hex() in MASTERS:
            yield from _elements(data, body, until)
        at = max(until, body)


def _ts_packets(data: bytes) -> list[bytes]:
    return [data[at : at + TS_BYTES] for at in range(0, len(data), TS_BYTES)]

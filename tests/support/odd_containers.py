"""AVI, Matroska and MPEG-TS files of unusual kinds."""

from __future__ import annotations

from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av

from video_analysis.tests.support import synthetic_clips as clips
from video_analysis.tests.support.odd_file import (
    EVEN_MS,
    GROUPS,
    OPEN_GROUPS,
    SIZE,
    Odd,
    changed,
    kind,
    packets,
    plain,
)


@kind
def avi_without_an_index(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.avi"), lambda data: data.replace(b"idx1", b"JUNK")), EVEN_MS)


@kind
def avi_of_a_recorder_that_lost_its_power(folder: Path) -> Odd:
    """Lengths and counts of the header were never written; no index; the last chunk is whole."""

    def change(data: bytes) -> bytes:
        open_ended = bytearray(data[: data.index(b"idx1")])
        open_ended[4:8] = bytes(4)
        frames = data.index(b"avih") + 8 + 16
        open_ended[frames : frames + 4] = bytes(4)
        length = data.index(b"strh") + 8 + 32
        open_ended[length : length + 4] = bytes(4)
        movie = data.index(b"movi")
        open_ended[movie - 4 : movie] = bytes(4)
        return bytes(open_ended).replace(b"indx", b"JUNK")

    return Odd(changed(plain(folder / "a.avi"), change), EVEN_MS)


@kind
def mkv_of_a_live_recording(folder: Path) -> Odd:
    """Segment and clusters of unknown size, no cues."""
    path = clips.write(folder / "a.mkv", EVEN_MS, codec_options=GROUPS, format_options={"live": "1"})
    assert b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" in path.read_bytes()
    return Odd(path, EVEN_MS)


@kind
def mkv_with_a_coarse_time_scale(folder: Path) -> Odd:
    def change(data: bytes) -> bytes:
        at = data.index(b"\x2a\xd7\xb1\x83") + 4
        assert int.from_bytes(data[at : at + 3], "big") == 1_000_000
        return data[:at] + (2_000_000).to_bytes(3, "big") + data[at + 3 :]

    return Odd(changed(plain(folder / "a.mkv"), change), [2 * time_ms for time_ms in EVEN_MS])


@kind
def ts_of_192_byte_packets(folder: Path) -> Odd:
    path = clips.write(folder / "a.ts", EVEN_MS, codec_options=GROUPS, format_options={"mpegts_m2ts_mode": "1"})
    return Odd(path, EVEN_MS)


@kind
def ts_of_204_byte_packets(folder: Path) -> Odd:
    return Odd(
        changed(plain(folder / "a.ts"), lambda data: b"".join(one + bytes(16) for one in packets(data))), EVEN_MS
    )


@kind
def ts_that_begins_inside_a_packet(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.ts"), lambda data: bytes(100) + data), EVEN_MS)


@kind
def ts_with_two_programmes(folder: Path) -> Odd:
    """A second programme with smaller pictures, packet by packet between those of the first."""
    first, second = plain(folder / "a.ts"), folder / "b.ts"
    options = {"mpegts_start_pid": "0x300", "mpegts_pmt_start_pid": "0x1200", "mpegts_service_id": "2"}
    clips.write(second, EVEN_MS, codec_options=GROUPS, format_options=options, size=(80, 64))
    one, other = list(packets(first.read_bytes())), list(packets(second.read_bytes()))
    merged = [packet for pair in zip_longest(one, other, fillvalue=b"") for packet in pair]
    first.write_bytes(b"".join(merged))
    return Odd(first, EVEN_MS)


@kind
def ts_in_which_another_programme_follows(folder: Path) -> Odd:
    """Its second programme begins after the first has ended. It is not read."""
    first, second = plain(folder / "a.ts"), folder / "b.ts"
    options = {"mpegts_start_pid": "0x300", "mpegts_pmt_start_pid": "0x1200"}
    clips.write(second, clips.every(40, 50, 2000), codec_options=GROUPS, format_options=options)
    return Odd(changed(first, lambda data: data + second.read_bytes()), EVEN_MS)


@kind
def ts_whose_video_pid_changes(folder: Path) -> Odd:
    """The last frame before the change comes last: the demuxer cannot tell earlier that it is complete."""
    first, second = plain(folder / "a.ts"), folder / "b.ts"
    options = {"mpegts_start_pid": "0x300"}
    clips.write(second, clips.every(40, 50, 2000), codec_options=GROUPS, format_options=options)
    times_ms = [*clips.every(40, 49), *clips.every(40, 49, 2000), 3940, 3960]
    return Odd(changed(first, lambda data: data + second.read_bytes()), times_ms, [*range(49), *range(50), None])


@kind
def ts_of_a_constant_rate_with_stuffing(folder: Path) -> Odd:
    null = b"\x47\x1f\xff\x10" + b"\xff" * 184
    return Odd(changed(plain(folder / "a.ts"), lambda data: b"".join(one + null for one in packets(data))), EVEN_MS)


@kind
def h264_with_open_groups_cut_at_an_i_frame(folder: Path) -> Odd:
    whole, keys = plain(folder / "whole.ts", OPEN_GROUPS), list[int]()

    def change(_number: int, packet: av.Packet[av.VideoStream]) -> bool:
        keys.extend([packet.pts or 0] * packet.is_keyframe)
        return len(keys) > 1

    path = clips.remuxed(whole, folder / "a.ts", change)
    first = (keys[1] - keys[0]) // 3600
    return Odd(path, clips.every(40, 50 - first), range(first, 50))


@kind
def h264_with_gradual_refresh(folder: Path) -> Odd:
    options = {"x264-params": "intra-refresh=1:keyint=12:bframes=0", "g": "12"}
    return Odd(plain(folder / "a.mp4", options), EVEN_MS)


@kind
def two_tracks_of_the_same_size(folder: Path) -> Odd:
    path = folder / "a.mp4"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("libx264", rate=25, options=GROUPS) for _ in range(2)]
        for stream in streams:
            (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for number, stream in enumerate(streams):
            for index, frame in enumerate(list(clips.picture_frames(30))[5 * number :]):
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return Odd(path, EVEN_MS[:30])

"""MP4 and MOV files of unusual kinds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from video_analysis.tests.support import synthetic_clips as clips
from video_analysis.tests.support.mp4_boxes import (
    STBL,
    TRAK,
    box,
    moved,
    numbers,
    outer_boxes,
    with_bytes,
    with_compressed_index,
    with_edits,
    without_box,
)
from video_analysis.tests.support.odd_file import (
    B_FRAMES,
    EVEN_MS,
    GROUPS,
    SIZE,
    Odd,
    changed,
    kind,
    plain,
)


@kind
def mp4_with_a_large_free_box_before_its_index(folder: Path) -> Odd:
    def change(data: bytes) -> bytes:
        at = clips.box_positions(data, b"moov")[0]
        return data[:at] + box(b"free", bytes(3_000_000)) + data[at:]

    return Odd(changed(plain(folder / "a.mp4"), change), EVEN_MS)


@kind
def mp4_whose_media_come_before_ftyp(folder: Path) -> Odd:
    def change(data: bytes) -> bytes:
        ftyp, *others = outer_boxes(data)
        return moved(others[-2] + ftyp + others[-1], -len(ftyp + b"".join(others[:-2])))

    return Odd(changed(plain(folder / "a.mp4"), change), EVEN_MS)


@kind
def mp4_that_begins_with_a_uuid_box(folder: Path) -> Odd:
    extra = box(b"uuid", bytes(range(16)) + b"vendor")
    return Odd(changed(plain(folder / "a.mp4"), lambda data: moved(extra + data, len(extra))), EVEN_MS)


@kind
def mp4_that_begins_with_a_vendors_box(folder: Path) -> Odd:
    extra = box(b"JVCP", bytes(400))
    return Odd(changed(plain(folder / "a.mp4"), lambda data: moved(extra + data, len(extra))), EVEN_MS)


@kind
def mp4_with_two_indexes(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4"), lambda data: data + list(outer_boxes(data))[-1]), EVEN_MS)


@kind
def mp4_whose_index_is_compressed(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mov"), with_compressed_index), EVEN_MS)


@kind
def mp4_whose_samples_use_two_descriptions(folder: Path) -> Odd:
    def change(data: bytes) -> bytes:
        at = clips.box_positions(data, *STBL, b"stsd")[-1]
        entry = data[at + 16 : at + int.from_bytes(data[at : at + 4], "big")]
        data = with_bytes(data, (*STBL, b"stsd"), 12, 4, numbers(2) + entry)
        chunks = clips.box_positions(data, *STBL, b"stco")[-1] + 12
        assert int.from_bytes(data[chunks : chunks + 4], "big") == 1
        first = int.from_bytes(data[chunks + 4 : chunks + 8], "big")
        sizes = clips.box_positions(data, *STBL, b"stsz")[-1] + 20
        half = sum(int.from_bytes(data[sizes + 4 * place :][:4], "big") for place in range(25))
        data = with_bytes(data, (*STBL, b"stsc"), 12, 16, numbers(2, 1, 25, 1, 2, 25, 2))
        return with_bytes(data, (*STBL, b"stco"), 12, 8, numbers(2, first, first + half))

    return Odd(changed(plain(folder / "a.mp4"), change), EVEN_MS)


@kind
def mp4_with_negative_composition_offsets(folder: Path) -> Odd:
    path = clips.write(
        folder / "a.mp4", EVEN_MS, codec_options=B_FRAMES, format_options={"movflags": "negative_cts_offsets"}
    )
    return Odd(path, EVEN_MS)


@kind
def mp4_with_b_frames_and_no_edit_list(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4", B_FRAMES), lambda data: without_box(data, *TRAK, b"edts")), EVEN_MS)


@kind
def mp4_whose_edit_list_begins_with_an_empty_edit(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4"), lambda data: with_edits(data, (3000, -1), (2000, 0))), EVEN_MS)


@kind
def mp4_whose_edit_list_hides_the_end(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4"), lambda data: with_edits(data, (800, 0))), EVEN_MS[:20])


@kind
def mp4_whose_edit_list_cuts_out_the_middle(folder: Path) -> Odd:
    path = plain(folder / "a.mp4")
    with av.open(str(path)) as file:
        tick_ms = float((file.streams.video[0].time_base or 1) * 1000)
    begin = round(1200 / tick_ms)
    changed(path, lambda data: with_edits(data, (400, 0), (800, begin)))
    return Odd(path, EVEN_MS[:30], [*range(10), *range(30, 50)])


@kind
def mp4_with_fragments_and_a_global_sidx(folder: Path) -> Odd:
    flags = {"movflags": "dash+global_sidx+frag_keyframe"}
    return Odd(clips.write(folder / "a.mp4", EVEN_MS, codec_options=GROUPS, format_options=flags), EVEN_MS)


@kind
def mp4_with_fragments_whose_clock_jumps(folder: Path) -> Odd:
    times_ms = [*EVEN_MS, *clips.every(40, 50, 62_000)]
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    return Odd(clips.write(folder / "a.mp4", times_ms, codec_options=GROUPS, format_options=flags), times_ms)


@kind
def mp4_with_fragments_of_one_frame(folder: Path) -> Odd:
    flags = {"movflags": "frag_every_frame+empty_moov"}
    return Odd(clips.write(folder / "a.mp4", EVEN_MS, codec_options=GROUPS, format_options=flags), EVEN_MS)


@kind
def mp4_with_a_timecode_track(folder: Path) -> Odd:
    path = folder / "a.mov"
    with av.open(str(path), "w", options={"write_tmcd": "on"}) as output:
        stream = output.add_stream("libx264", rate=25, options=GROUPS)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        stream.metadata["timecode"] = "10:00:00:00"
        for index, frame in enumerate(clips.picture_frames(50)):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert b"tmcd" in path.read_bytes()
    return Odd(path, EVEN_MS)


@kind
def mp4_that_has_only_a_timecode_track(folder: Path) -> Odd:
    odd = mp4_with_a_timecode_track(folder)
    changed(odd.path, lambda data: without_box(data, *TRAK))
    return Odd(odd.path, [], refused="no_video_stream")


@kind
def mov_of_one_frame_per_second_with_a_time_scale_of_1(folder: Path) -> Odd:
    times_ms = clips.every(1000, 20)
    options = {"video_track_timescale": "1"}
    path = clips.write(folder / "a.mov", times_ms, codec_options=GROUPS, format_options=options)
    return Odd(changed(path, lambda data: with_edits(data, (20_000, 0))), times_ms)


@kind
def time_lapse_of_a_frame_every_ten_seconds(folder: Path) -> Odd:
    times_ms = clips.every(10_000, 30)
    return Odd(clips.write(folder / "a.mp4", times_ms, codec_options=B_FRAMES), times_ms)


@kind
def mp4_of_120_frames_per_second(folder: Path) -> Odd:
    times_ms = [round(index * 1000 / 120) for index in range(240)]
    return Odd(clips.write(folder / "a.mp4", times_ms, codec_options=B_FRAMES), times_ms)


@kind
def mp4_of_one_frame(folder: Path) -> Odd:
    return Odd(clips.write(folder / "a.mp4", [0]), [0])


@kind
def mp4_whose_last_frame_lasts_an_hour(folder: Path) -> Odd:
    times_ms = [*EVEN_MS, 3_600_000]
    return Odd(clips.write(folder / "a.mp4", times_ms, codec_options=GROUPS), times_ms)


@kind
def mp4_with_trailing_zeros(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4"), lambda data: data + bytes(200_000)), EVEN_MS)


@kind
def mp4_with_trailing_rubbish(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mp4"), lambda data: data + b"\xde\xad\xbe\xefDVR!" * 9000), EVEN_MS)


@kind
def mkv_with_trailing_rubbish(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.mkv"), lambda data: data + b"\xde\xad\xbe\xefDVR!" * 9000), EVEN_MS)


@kind
def ts_with_trailing_rubbish(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.ts"), lambda data: data + b"\xde\xad\xbe\xefDVR!" * 9000), EVEN_MS)


@kind
def avi_with_trailing_zeros(folder: Path) -> Odd:
    return Odd(changed(plain(folder / "a.avi"), lambda data: data + bytes(200_000)), EVEN_MS)


@kind
def mp4_whose_first_sample_is_empty(folder: Path) -> Odd:
    def change(data: bytes) -> bytes:
        data = with_bytes(data, (*STBL, b"stsz"), 16, 4, numbers(51, 0))
        data = with_bytes(data, (*STBL, b"stsc"), 20, 4, numbers(51))
        at = clips.box_positions(data, *STBL, b"stts")[-1]
        step = data[at + 20 : at + 24]
        data = with_bytes(data, (*STBL, b"stts"), 16, 8, numbers(51) + step)
        at = clips.box_positions(data, *STBL, b"stss")[-1]
        keys = int.from_bytes(data[at + 12 : at + 16], "big")
        shifted = [int.from_bytes(data[at + 16 + 4 * place :][:4], "big") + 1 for place in range(keys)]
        return without_box(with_bytes(data, (*STBL, b"stss"), 16, 4 * keys, numbers(*shifted)), *TRAK, b"edts")

    return Odd(changed(plain(folder / "a.mp4"), change), [time_ms + 40 for time_ms in EVEN_MS])

"""Files of other formats under the name of an MP4: each is refused by the name of its format."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import other_formats, video

SMALL = (176, 144)
RAW_MJPEG = "JPEG pictures one after another (raw MJPEG)"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb tables \xff\xda picture \xff\xd9"
"""Without its picture."""
MPF = b"\xff\xe2\0\x0aMPF\0II\x2a\0"
NO_KEY_FRAME = (
    "no key frame was found, so the size of its pictures is unknown: the beginning of the recording is missing, "
    "or the video is encrypted or damaged; export it again, from an earlier time and without encryption"
)
VIDEO_FILES = [
    ("asf", "wmv2", "yuv420p", "WMV or ASF"),
    ("asf", "libx264", "yuv420p", "WMV or ASF"),
    ("mjpeg", "mjpeg", "yuvj420p", RAW_MJPEG),
    ("mpjpeg", "mjpeg", "yuvj420p", "multipart MJPEG"),
    ("ivf", "libvpx", "yuv420p", "IVF"),
    ("obu", "libsvtav1", "yuv420p", "raw AV1"),
    ("rm", "rv20", "yuv420p", "RealMedia"),
    ("nut", "libx264", "yuv420p", "NUT"),
    ("yuv4mpegpipe", "rawvideo", "yuv420p", "Y4M"),
    ("mxf", "mpeg2video", "yuv420p", "MXF"),
    ("gxf", "mpeg2video", "yuv420p", "GXF"),
    ("wtv", "mpeg2video", "yuv420p", "WTV"),
    ("swf", "flv1", "yuv420p", "Flash SWF"),
    ("dv", "dvvideo", "yuv420p", "DV"),
    ("mpeg1video", "mpeg1video", "yuv420p", "raw MPEG-1 or MPEG-2"),
    ("mpeg2video", "mpeg2video", "yuv420p", "raw MPEG-1 or MPEG-2"),
    ("m4v", "mpeg4", "yuv420p", "raw MPEG-4 part 2"),
    ("h263", "h263", "yuv420p", "raw H.263"),
]
IMAGES = [
    ("gif", "gif", "rgb8", "a GIF image"),
    ("apng", "apng", "rgb24", "a PNG image"),
    ("webp", "libwebp_anim", "yuv420p", "a WebP image"),
    ("avif", "libsvtav1", "yuv420p", "a HEIF or AVIF image"),
    ("image2pipe", "png", "rgb24", "a PNG image"),
    ("image2pipe", "bmp", "bgr24", "a BMP image"),
    ("image2pipe", "tiff", "rgb24", "a TIFF image"),
    ("image2pipe", "ppm", "rgb24", "a PNM image"),
]
SOUND = [
    ("mp3", "libmp3lame", "AAC or MP3 sound"),
    ("mp2", "mp2", "AAC or MP3 sound"),
    ("adts", "aac", "AAC or MP3 sound"),
    ("ac3", "ac3", "AC-3 sound"),
    ("wav", "pcm_s16le", "WAV sound"),
    ("w64", "pcm_s16le", "WAV sound"),
    ("flac", "flac", "FLAC sound"),
    ("aiff", "pcm_s16be", "AIFF sound"),
    ("au", "pcm_s16be", "AU sound"),
    ("caf", "pcm_s16le", "CAF sound"),
    ("wv", "wavpack", "WavPack sound"),
]
JP2_BOX = b"\0\0\0\x0cjP  \r\n\x87\n"
DTD = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd" [ <!ENTITY a "b"> ]>\n'
FIRST_BYTES = [
    (JPEG + JPEG, RAW_MJPEG),
    (b"OggS\0\2" + bytes(22), "Ogg"),
    (b"DHAV\xfd\0\1\0" + bytes(400), "Dahua DAV"),
    (b"\0\0\0\1\0\x79\0\x0d\2" + bytes(400), "raw VVC"),
    (b"\0\0\1\x0f\xc2\x87" + bytes(400), "raw VC-1"),
    (b"\0\0\1\0\0\0\1\x20\0\x84" + bytes(400), "raw MPEG-4 part 2"),
    (b"\0\0\2\x80\1\1\x80" + bytes(400), "raw DNxHD"),
    (b"BBCD\0\0\0\0" + bytes(400), "Dirac"),
    (b"NSVf" + bytes(400), "NSV"),
    (b"RIFF\0\0\1\0CDXAfmt " + bytes(400), "VCD image"),
    (JP2_BOX + b"\0\0\0\x14ftypmjp2" + bytes(400), "Motion JPEG 2000"),
]
OTHER_FIRST_BYTES = [
    (JPEG + b"padding", "a JPEG image"),
    (b"\xff\xd8" + MPF + JPEG[2:] + JPEG, "a JPEG image"),
    (b"\xff\xd8\xff\xe1\0\x20Exif\xff\xd8\xff\xdb thumbnail \xff\xd9\xff\xdb picture \xff\xd9", "a JPEG image"),
    (JP2_BOX + b"\0\0\0\x14ftypjp2 " + bytes(400), "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51\0\x2f" + bytes(400), "a JPEG 2000 image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl " + bytes(400), "a JPEG XL image"),
    (b"\xff\x0a\xfa\x1f" + bytes(400), "a JPEG XL image"),
    (b"8BPS\0\1" + bytes(400), "a PSD image"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG image"),
    (b'<?xml version="1.0"?>\n<!-- <html> -->\n' + DTD + b"<svg>\n</svg>", "an SVG image"),
    (b"\xef\xbb\xbf<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "an SVG image"),
    (b"GIF89a" + b"\x47" * 400, "a GIF image"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400), "a HEIF or AVIF image"),
    (b"#!AMR\n" + bytes(400), "AMR sound"),
    (b"\xef\xbb\xbf#EXTM3U\n#EXT-X-VERSION:3\n", "a playlist"),
    ("\ufeff#EXTM3U\r\n#EXT-X-VERSION:3\r\n".encode("utf-16-le"), "a playlist"),
    ("\ufeff[playlist]\nFile1=Kalye Peña.mp4\n".encode("utf-16-be"), "a playlist"),
    (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "a DASH manifest"),
    ('\ufeff<MPD type="static">'.encode("utf-16-le"), "a DASH manifest"),
    ("\ufeffplate,time\r\nABC 1234,07:15\r\n".encode("utf-16-le"), "a text"),
    ("\ufeffplate,time\n".encode("utf-16-be"), "a text"),
    (b"\xef\xbb\xbfplate,time\r\n" + b"ABC 1234,07:15\r\n" * 40, "a text"),
    (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "a session description"),
    (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "an XML or HTML document"),
    ('\ufeff<?xml version="1.0"?><Error/>'.encode("utf-16-le"), "an XML or HTML document"),
    (b'<?xml version="1.0"?><!DOCTYPE html><html><svg/></html>', "an XML or HTML document"),
    (b"<?xml?>" * 4000 + b"<!DOCTYPE a [" + b"]" * 4000 + b"<!--", "an XML or HTML document"),
    (b"\n<!DOCTYPE html><html></html>", "an XML or HTML document"),
    (b"%PDF-1.7\n" + bytes(400), "a PDF document"),
    (b"PK\3\4" + bytes(400), "a ZIP archive"),
    (b"Rar!\x1a\7\1\0" + bytes(400), "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(400), "a 7z archive"),
    (b"\x1f\x8b\x08" + bytes(400), "a gzip archive"),
    (bz2.compress(b"video"), "a bzip2 archive"),
    (bz2.compress(b""), "a bzip2 archive"),
    (lzma.compress(b"video"), "an xz archive"),
    (b"\x28\xb5\x2f\xfd" + bytes(400), "a Zstandard archive"),
    (b"a.mp4".ljust(257, b"\0") + b"ustar\x0000" + bytes(400), "a tar archive"),
    (b"\x7fELF\2\1\1" + bytes(400), "a Linux program"),
    (b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(400), "a Windows program"),
]


def write_video(path: Path, kind: str, codec: str, pixels: str) -> None:
    """Two pictures."""
    size = (720, 576) if kind in ("dv", "gxf") else SMALL
    with av.open(str(path), "w", format=kind) as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=25))
        (stream.width, stream.height), stream.pix_fmt = size, pixels
        for index, frame in enumerate(synthetic_clips.picture_frames(2, size)):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame.reformat(format=pixels)))
        output.mux(stream.encode(None))


def write_sound(path: Path, kind: str, codec: str) -> None:
    """Half a second of noise."""
    samples = np.random.default_rng(1).integers(-9000, 9000, (1, 2 * 1152), dtype=np.int16)
    with av.open(str(path), "w", format=kind) as output:
        stream = cast("av.AudioStream", output.add_stream(codec, rate=48_000))
        converter = av.AudioResampler(stream.format, stream.layout, 48_000)
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(samples, "s16", "stereo")
            frame.sample_rate, frame.pts = 48_000, index * 1152
            for converted in converter.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))


def refusal_of(path: Path) -> tuple[str, str]:
    with pytest.raises(BadVideo) as refusal:
        video.probe(path)
    return refusal.value.code, str(refusal.value)


def unsupported(name: str) -> tuple[str, str]:
    text = f"its format is not supported: {name}; convert it to MP4 with H.264 and upload it again"
    return "unsupported_format", text


@pytest.mark.parametrize(("kind", "codec", "pixels", "name"), VIDEO_FILES)
def test_a_video_of_another_format_is_refused_by_its_name(
    tmp_path: Path, kind: str, codec: str, pixels: str, name: str
) -> None:
    write_video(tmp_path / "a.mp4", kind, codec, pixels)
    assert refusal_of(tmp_path / "a.mp4") == unsupported(name)


@pytest.mark.parametrize(("kind", "codec", "pixels", "name"), IMAGES)
def test_an_image_is_refused_by_its_name_though_it_moves(
    tmp_path: Path, kind: str, codec: str, pixels: str, name: str
) -> None:
    write_video(tmp_path / "a.mp4", kind, codec, pixels)
    assert refusal_of(tmp_path / "a.mp4") == ("not_a_video", f"not a video: {name}")


@pytest.mark.parametrize(("kind", "codec", "name"), SOUND)
def test_sound_is_refused_by_its_name(tmp_path: Path, kind: str, codec: str, name: str) -> None:
    write_sound(tmp_path / "a.mp4", kind, codec)
    assert refusal_of(tmp_path / "a.mp4") == ("not_a_video", f"not a video: {name}")


@pytest.mark.parametrize("kind", ["matroska", "webm", "mpegts", "mpeg", "flv", "avi", "ipod", "mov"])
def test_sound_in_a_container_of_videos_has_no_video_stream(tmp_path: Path, kind: str) -> None:
    codec = {"webm": "libopus", "mpeg": "mp2"}.get(kind, "aac")
    write_sound(tmp_path / "a.mp4", kind, codec)
    assert refusal_of(tmp_path / "a.mp4") == ("no_video_stream", "no video stream")


def without_key_frames(folder: Path, kind: str, codec: str) -> Path:
    """49 of 50 pictures."""
    options = {"g": "50", "bf": "0", "sc_threshold": str(10**9)}
    times = synthetic_clips.every(40, 50)
    whole = synthetic_clips.write(folder / "a.avi", times, codec=codec, size=SMALL, codec_options=options)
    return synthetic_clips.remuxed(whole, folder / "a.mp4", lambda _, packet: not packet.is_keyframe, video_format=kind)


def scrambled(folder: Path) -> Path:
    """ETSI TS 100 289: the payload of each packet is encrypted with the even key."""
    data = bytearray(synthetic_clips.write(folder / "a.ts", synthetic_clips.every(40, 10), size=SMALL).read_bytes())
    noise = np.random.default_rng(1)
    for at in range(0, len(data), 188):
        if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF == 0x100:
            payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            data[payload : at + 188] = noise.bytes(at + 188 - payload)
            data[at + 3] |= 0x80
    (folder / "a.mp4").write_bytes(data)
    return folder / "a.mp4"


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("mpegts", "libx264"), ("mpegts", "mpeg2video"), ("mpeg", "libx264"), ("mpeg", "mpeg2video")],
)
def test_a_stream_without_a_key_frame_is_refused_for_that(tmp_path: Path, kind: str, codec: str) -> None:
    assert refusal_of(without_key_frames(tmp_path, kind, codec)) == ("undecodable", NO_KEY_FRAME)


def test_an_encrypted_stream_is_refused_for_lack_of_a_key_frame(tmp_path: Path) -> None:
    assert refusal_of(scrambled(tmp_path)) == ("undecodable", NO_KEY_FRAME)


def test_an_announced_stream_without_data_is_no_video_stream(tmp_path: Path) -> None:
    """Many writers of FLV announce a video stream in each file."""
    write_sound(tmp_path / "a.mp4", "flv", "aac")
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    data[4] |= 1
    (tmp_path / "a.mp4").write_bytes(data)
    assert refusal_of(tmp_path / "a.mp4") == ("no_video_stream", "no video stream")


@pytest.mark.parametrize(("content", "name"), FIRST_BYTES)
def test_a_format_that_cannot_be_written_here_is_known_by_its_first_bytes(
    tmp_path: Path, content: bytes, name: str
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert refusal_of(tmp_path / "a.mp4") == unsupported(name)


@pytest.mark.parametrize(("content", "name"), OTHER_FIRST_BYTES)
def test_a_file_that_is_no_video_is_known_by_its_first_bytes(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert refusal_of(tmp_path / "a.mp4") == ("not_a_video", f"not a video: {name}")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"FLV\1\1\0\0\0\x09" + bytes(4), "FLV"),
        (b"\0\0\1\xba\x21" + bytes(400), "MPEG-PS"),
        (b"IMKH" + bytes(400), "MPEG-PS"),
    ],
)
def test_a_known_container_that_cannot_be_read_keeps_its_name(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    text = f"no video stream in this {kind} file that can be decoded"
    assert refusal_of(tmp_path / "a.mp4") == ("undecodable", text)


@pytest.mark.parametrize("content", [b"\xff\xfe" + bytes(400), b"\xfe\xff\0\1" * 100, b"\xef\xbb\xbf" + bytes(400)])
def test_bytes_that_begin_with_a_byte_order_mark_are_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    text = "not a video: neither MP4, MOV, Matroska, AVI, MPEG-TS, MPEG-PS nor FLV"
    assert refusal_of(tmp_path / "a.mp4") == ("not_a_video", text)


def test_every_name_of_the_tables_is_tested() -> None:
    tested: Iterable[tuple[object, ...]] = [*VIDEO_FILES, *IMAGES, *SOUND, *FIRST_BYTES, *OTHER_FIRST_BYTES]
    assert other_formats.VIDEOS.keys() | other_formats.OTHERS.keys() <= {case[-1] for case in tested}


@pytest.mark.parametrize(
    ("kind", "codec"), [("3gp", "h263"), ("3g2", "mpeg4"), ("f4v", "libx264"), ("ismv", "libx264")]
)
def test_variants_of_mp4_are_read(tmp_path: Path, kind: str, codec: str) -> None:
    write_video(tmp_path / "a.mp4", kind, codec, "yuv420p")
    assert len(list(video.frames(tmp_path / "a.mp4", 1))) == 2

"""Names the format of a file that is not decoded, from its first bytes, for the refusal. Pure but for one read.

Signatures: the formats' own specifications. Short ones are not unique, so this is used only for a file that could not
be opened.
"""

from __future__ import annotations

import re
from pathlib import Path

from video_analysis.worker_utils.errors import BadVideo

HEAD_BYTES = 4 * 1024 * 1024
"""The second picture of raw MJPEG lies within them."""

VIDEOS = {
    "WMV or ASF": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "raw MJPEG": rb"\xff\xd8\xff.{1,4194304}?\xff\xd9\x00*\xff\xd8\xff",
    "multipart MJPEG": rb"\s*--[^\r\n]{1,80}\r?\n(?i:(?:content-length:[^\r\n]*\r?\n)?content-type: *image/jpeg)",
    "IVF": rb"DKIF",
    "raw AV1": rb"\x12\x00\x0a",
    "raw VVC": rb"\x00{2,3}\x01\x00[\x71\x79\xa1]",
    "raw VC-1": rb"\x00\x00\x01\x0f",
    "raw MPEG-1 or MPEG-2": rb"\x00{2,3}\x01\xb3",
    "raw MPEG-4 part 2": rb"\x00\x00\x01(?:\xb0|\xb5|[\x00-\x1f]\x00\x00\x01[\x20-\x2f])",
    "raw H.263": rb"\x00\x00[\x80-\x83]",
    "raw DNxHD": rb"\x00\x00\x02\x80[\x01-\x03]",
    "Dirac": rb"BBCD",
    "Dahua DAV": rb"DHAV",
    "DV": rb"\x1f\x07\x00[\x3f\xbf]",
    "Flash SWF": rb"[CFZ]WS[\x01-\x32]",
    "GXF": rb"\x00\x00\x00\x00\x01\xbc",
    "MXF": rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",
    "NSV": rb"NSV[fs]",
    "NUT": rb"nut/multimedia container",
    "Ogg": rb"OggS",
    "RealMedia": rb"\.(?:RMF|REC)",
    "VCD image": rb"RIFF.{4}CDXA",
    "WTV": rb"\xb7\xd8\x00\x20\x37\x49\xda\x11",
    "Y4M": rb"YUV4MPEG2 ",
}
"""Formats of video → their first bytes."""
OTHERS = {
    "a JPEG image": rb"\xff\xd8\xff",
    "a PNG image": rb"\x89PNG\r\n\x1a\n",
    "a GIF image": rb"GIF8[79]a",
    "a WebP image": rb"RIFF.{4}WEBP",
    "a BMP image": rb"BM.{4}\x00{4}",
    "a TIFF image": rb"II\x2a\x00|MM\x00\x2a",
    "a PNM image": rb"P[1-7]\s",
    "AAC or MP3 sound": rb"ID3[\x02-\x04]|\xff[\xf0-\xf5\xf8-\xfd]|ADIF",
    "AC-3 sound": rb"\x0b\x77",
    "AIFF sound": rb"FORM.{4}AIF[CF]",
    "AMR sound": rb"#!AMR",
    "AU sound": rb"\.snd",
    "CAF sound": rb"caff\x00",
    "FLAC sound": rb"fLaC",
    "WAV sound": rb"(?:RIFF|RF64).{4}WAVE|riff\x2e\x91\xcf\x11",
    "WavPack sound": rb"wvpk",
    "a playlist": rb"(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|ffconcat|\[playlist\])",
    "a session description": rb"v=0\r?\n",
    "an XML or HTML document": rb"(?:\xef\xbb\xbf)?\s*<(?i:\?xml|!doctype|html)",
    "a PDF document": rb"%PDF-",
    "a ZIP archive": rb"PK\x03\x04",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a gzip archive": rb"\x1f\x8b\x08",
    "a Windows program": rb"MZ.{58}..\x00\x00",
}
"""Other files → their first bytes. An image may be animated."""


def refusal(path: Path) -> BadVideo | None:
    """The refusal that names the file's format; None if the format is not in the tables."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if name := _name(head, VIDEOS):
        text = f"its format is not supported: {name}; convert it to MP4 with H.264 and upload it again"
        return BadVideo(text, code="unsupported_format")
    if name := _name(head, OTHERS):
        return BadVideo(f"not a video: {name}", code="not_a_video")
    return None


def _name(head: bytes, signatures: dict[str, bytes]) -> str | None:
    return next((name for name, pattern in signatures.items() if re.match(pattern, head, re.DOTALL)), None)

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
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""Byte order mark → encoding."""
TEXT = rb"(?:\xef\xbb\xbf)?+\s*+"
PROLOG = TEXT + rb"(?:<\?.*?\?>|<!--.*?-->|<!(?i:doctype)[^>\[]*(?:\[.*?\]\s*)?>|\s++)*+"
"""What precedes the root element of an XML document. Possessive: a hostile file must not make it backtrack."""
ROOT = PROLOG + rb"<(?:[\w.-]{1,40}:)?"
NO_MPF = rb"(?!\xff\xd8.{0,131072}?\xff\xe2..MPF\x00)"
"""Not one photo that a phone stores with its preview or depth map (CIPA DC-007): a header of the first picture."""

VIDEOS = {
    "WMV or ASF": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "JPEG pictures one after another (raw MJPEG)": NO_MPF + rb"\xff\xd8\xff.{1,4194304}?\xff\xd9\x00*\xff\xd8\xff",
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
    "Motion JPEG 2000": rb"\x00\x00\x00\x0cjP  \r\n\x87\n.{4}ftypmjp2",
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
    "a JPEG 2000 image": rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "a JPEG XL image": rb"\x00\x00\x00\x0cJXL \r\n\x87\n|\xff\x0a",
    "a PNG image": rb"\x89PNG\r\n\x1a\n",
    "a GIF image": rb"GIF8[79]a",
    "a WebP image": rb"RIFF.{4}WEBP",
    "a BMP image": rb"BM.{4}\x00{4}",
    "a TIFF image": rb"II\x2a\x00|MM\x00\x2a",
    "a PNM image": rb"P[1-7]\s",
    "a PSD image": rb"8BPS\x00[\x01\x02]",
    "an SVG image": ROOT + rb"svg[\s/>]",
    "AAC or MP3 sound": rb"ID3[\x02-\x04]|\xff[\xf0-\xf5\xf8-\xfd]|ADIF",
    "AC-3 sound": rb"\x0b\x77",
    "AIFF sound": rb"FORM.{4}AIF[CF]",
    "AMR sound": rb"#!AMR",
    "AU sound": rb"\.snd",
    "CAF sound": rb"caff\x00",
    "FLAC sound": rb"fLaC",
    "WAV sound": rb"(?:RIFF|RF64).{4}WAVE|riff\x2e\x91\xcf\x11",
    "WavPack sound": rb"wvpk",
    "a playlist": TEXT + rb"(?:#EXTM3U|ffconcat|\[playlist\])",
    "a DASH manifest": ROOT + rb"MPD[\s/>]",
    "a session description": TEXT + rb"v=0\r?\n",
    "an XML or HTML document": TEXT + rb"<(?i:\?xml|!doctype|!--|html)",
    "a text": rb"\xef\xbb\xbf[^\x00-\x08\x0e-\x1f]{1,200}(?:[^\x00-\x08\x0e-\x1f]|\Z)",
    "a PDF document": rb"%PDF-",
    "a ZIP archive": rb"PK\x03\x04",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a gzip archive": rb"\x1f\x8b\x08",
    "a bzip2 archive": rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)",
    "an xz archive": rb"\xfd7zXZ\x00",
    "a Zstandard archive": rb"\x28\xb5\x2f\xfd",
    "a tar archive": rb".{257}ustar[\x00 ]",
    "a Linux program": rb"\x7fELF",
    "a Windows program": rb"MZ.{58}..\x00\x00",
}
"""Other files → their first bytes, those of a text in UTF-8. An image may be animated."""


def refusal(path: Path) -> BadVideo | None:
    """The refusal that names the file's format; None if the format is not in the tables."""
    with path.open("rb") as file:
        head = _in_utf_8(file.read(HEAD_BYTES))
    if name := _name(head, VIDEOS):
        text = f"its format is not supported: {name}; convert it to MP4 with H.264 and upload it again"
        return BadVideo(text, code="unsupported_format")
    if name := _name(head, OTHERS):
        return BadVideo(f"not a video: {name}", code="not_a_video")
    return None


def _in_utf_8(head: bytes) -> bytes:
    """A text in UTF-16, as its byte order mark shows, in UTF-8; the mark stays. Other bytes as they are."""
    encoding = UTF_16.get(head[:2])
    return head if encoding is None else head.decode(encoding, "replace").encode()


def _name(head: bytes, signatures: dict[str, bytes]) -> str | None:
    return next((name for name, pattern in signatures.items() if re.match(pattern, head, re.DOTALL)), None)

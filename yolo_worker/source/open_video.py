"""Opens a video file for decoding: local files, listed formats and codecs, sizes checked before a frame is decoded.

What cannot be opened is refused here: BadVideo, with the reason that an operator reads.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import container, other_formats, stream_choice
from video_analysis.yolo_worker.source.container import Container
from video_analysis.yolo_worker.source.damage import Announced
from video_analysis.yolo_worker.source.stream_choice import Candidate

FORMATS = ("mov", "mp4", "matroska", "avi", "mpegts", "mpeg", "flv", "h264", "hevc")
"""Demuxers. Playlists (concat, hls, dash) are not among them: they open other files and addresses."""
MP4_FORMATS = {"mov", "mp4"}
"""Only for a file whose index has been checked."""
TIMED_FORMATS = {"flv", "matroska,webm"}
"""Their headers may state a length. That of a stream is the decoder's estimate."""
STREAM_FORMATS = {"mpegts", "mpeg"}
CODECS = (
    *("h264", "hevc", "vvc", "libdav1d", "vp8", "vp9", "libvpx-vp9"),
    *("mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "h263", "flv"),
    *("msmpeg4", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "vc1"),
    *("prores", "ffv1", "qtrle", "png", "rawvideo"),
)
"""Video decoders."""
PROTOCOLS = ("file",)
PART = "subfile"
"""Protocol for the first part of a local file."""
LARGEST_SIDE_PX = 16_384
LARGEST_PICTURE_PX = 64_000_000
MOST_SAMPLES = 10_000_000
"""Four days at 25 frames and as many audio packets a second. The decoder's index takes some 60 bytes for each."""
MOST_EDITS = 64
"""A longer edit list is not applied: each edit may repeat the whole video."""
MOST_THREADS = 8
THREADED_PX = 64_000_000
"""Each thread holds a picture of its own: together at most so many pixels."""
PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
WITHOUT_VIDEO = {"video", "audio", "subtitle", "attachment"}
"""Kinds of streams; where they are all of a file's, its video streams are pictures."""
PS_VIDEO_IDS = range(0x1E0, 0x1F0)
"""MPEG-PS, ISO/IEC 13818-1: `stream_id` of video. Without a key frame FFmpeg takes such a stream for sound."""
DURATION = re.compile(r"([0-9]{2,5}):([0-9]{2}):([0-9]{2}\.[0-9]{1,9})", re.ASCII)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class OpenVideo:
    """A file whose main video stream is ready to be decoded."""

    file: Container
    demuxer: InputContainer
    stream: VideoStream
    tick_ms: float
    """Unit of the stream's timestamps."""
    announced_size: tuple[int, int]
    """Width and height in px as coded, by the container."""
    listed_frames: int | None
    """The count in the header; of an AVI whose index lists fewer, that of its index."""

    @property
    def is_avi(self) -> bool:
        """Its packets have no presentation times."""
        return self.file.kind == "AVI"

    @property
    def is_stream(self) -> bool:
        """A transport or program stream: it may begin anywhere and lose parts on its way."""
        return self.demuxer.format.name in STREAM_FORMATS

    @property
    def reads_all_streams(self) -> bool:
        """Only unread bytes show what is lost: every stream has to be read, so that its bytes are accounted for."""
        return self.file.kind != "MP4" and self.demuxer.format.name != "mpegts"

    @property
    def length_ms(self) -> float | None:
        """As the container states it."""
        return None if self.demuxer.duration is None else self.demuxer.duration * 1000 / av.time_base

    @property
    def stated_ms(self) -> float | None:
        """Length of the stream, or else of the file; None where the decoder estimates it."""
        if self.demuxer.format.name not in TIMED_FORMATS:
            return None
        length_s = _length_s(self.stream)
        return self.length_ms if length_s is None else length_s * 1000

    @property
    def announced(self) -> Announced:
        """What the container states about its length; a fragmented MP4 adds to it while it is read."""
        is_mp4, is_whole = self.file.kind == "MP4", self.file.is_whole
        lists_all = not self.file.is_fragmented or self.file.ends_in_media
        return Announced(
            packets=sum(entry.size > 0 for entry in self.stream.index_entries) if is_mp4 else None,
            is_exact=(is_mp4 and lists_all) or self.file.kind == "AVI",
            frames=self.listed_frames,
            length_ms=self.stated_ms,
            bytes=self.file.announced_bytes,
            is_cut=not is_whole,
            unlisted_bytes=self.file.unlisted_bytes,
            is_broken=self.file.is_broken,
        )

    @property
    def frame_count(self) -> int:
        """An estimate where there is no table."""
        rate = self.stream.average_rate or self.stream.guessed_rate or 0
        return self.stream.frames or round((self.length_ms or 0) / 1000 * float(rate))


@contextmanager
def opened(path: Path) -> Iterator[OpenVideo]:
    """The file's main video stream. BadVideo where there is none that can be decoded, or where it is too large."""
    file = container.read(path)
    if file.announced_samples > MOST_SAMPLES:
        raise BadVideo(
            f"its index announces {file.announced_samples} frames, more than the {MOST_SAMPLES} that can be read: "
            "it is damaged, or too long for one video",
            code="too_many_frames",
        )
    if file.size_bytes == 0:
        raise BadVideo("empty file", code="empty_file")
    if file.kind == "HEIF":
        raise BadVideo("not a video: a HEIF or AVIF image", code="not_a_video")
    try:
        demuxer = av.open(_address(path, file), options=_options(file), metadata_errors="replace")
    except av.FFmpegError as error:
        raise other_formats.refusal(path) or _why_not_opened(file) from error
    with demuxer:
        stream = _chosen(demuxer, tuple(_candidates(demuxer, file)), file)
        size = stream.codec_context.width, stream.codec_context.height
        if min(size) < 1:
            raise _why_no_size(demuxer, stream)
        _check_size(*size)
        _prepare(stream)
        tick_ms = float((stream.time_base or Fraction(1, 1000)) * 1000)
        video = OpenVideo(file, demuxer, stream, tick_ms, size, _listed_frames(stream, file))
        if not video.reads_all_streams:
            _discard_others(demuxer, stream)
        yield video


def _address(path: Path, file: Container) -> str:
    """The file, or what precedes a cut table: with a part of a table the decoder does not open an MP4."""
    whole = str(path.resolve())
    return whole if file.cut_table_at is None else f"{PART},,start,0,end,{file.cut_table_at},,:file:{whole}"


def _options(file: Container) -> dict[str, str]:
    edits = {"advanced_editlist": "0"} if file.most_edits > MOST_EDITS else {}
    return edits | {
        "format_whitelist": ",".join(name for name in FORMATS if file.kind == "MP4" or name not in MP4_FORMATS),
        "protocol_whitelist": ",".join(PROTOCOLS if file.cut_table_at is None else (*PROTOCOLS, PART)),
        "codec_whitelist": ",".join(CODECS),
        "correct_ts_overflow": "0",  # it takes each restart of the clock for a wrap-around
        "merge_pmt_versions": "1",  # MPEG-TS: the stream continues where its PID changes
        "max_pixels": str(LARGEST_SIDE_PX**2),  # beyond it the demuxer does not report the size
    }


def _candidates(demuxer: InputContainer, file: Container) -> Iterator[Candidate]:
    for number, stream in enumerate(demuxer.streams.video):
        decoder: VideoCodecContext | None = stream.codec_context
        code = file.video_codecs[number] if number < len(file.video_codecs) else ""
        yield Candidate(
            index=stream.index,
            codec=decoder.codec.canonical_name if decoder else code,
            width_px=decoder.width if decoder else 0,
            height_px=decoder.height if decoder else 0,
            length_s=_length_s(stream),
            is_default=Disposition.default in stream.disposition,
            is_picture=bool(stream.disposition & PICTURES),
            can_be_decoded=decoder is not None and decoder.name in CODECS,
        )


def _length_s(stream: VideoStream) -> float | None:
    """By the stream's header; in Matroska by its tag, `hours:minutes:seconds`."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    stated = DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    return int(stated[1]) * 3600 + int(stated[2]) * 60 + float(stated[3]) if stated else None


def _listed_frames(stream: VideoStream, file: Container) -> int | None:
    indexed = len(stream.index_entries) if file.kind == "AVI" and file.has_index else 0
    return min(stream.frames, indexed or stream.frames) or None


def _chosen(demuxer: InputContainer, candidates: tuple[Candidate, ...], file: Container) -> VideoStream:
    chosen = stream_choice.main_stream(candidates)
    if chosen is None or not chosen.codec:
        raise _why_nothing_is_chosen(demuxer, file)
    if not chosen.can_be_decoded:
        text = f"its video codec cannot be decoded: {chosen.codec}; convert it to H.264 and upload it again"
        raise BadVideo(text, code="unsupported_codec")
    if len(candidates) > 1:
        log.info(
            "stream %d of %d video streams is read",
            chosen.index,
            len(candidates),
            extra={
                "event": "source.stream_chosen",
                "stream": chosen.index,
                "candidates": [str(candidate) for candidate in candidates],
            },
        )
    return next(stream for stream in demuxer.streams.video if stream.index == chosen.index)


def _check_size(width: int, height: int) -> None:
    """Refuse what would not fit into memory."""
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_PICTURE_PX:
        text = f"pictures of {width}×{height} px are larger than any camera's"
        raise BadVideo(text, code="picture_too_large")


def _discard_others(demuxer: InputContainer, stream: VideoStream) -> None:
    for other in demuxer.streams:
        if other.index != stream.index:
            other.discard = Discard.all


def _prepare(stream: VideoStream) -> None:
    """Bound the decoder's threads and pictures."""
    decoder = stream.codec_context
    decoder.options = {"codec_whitelist": ",".join(CODECS), "max_pixels": str(LARGEST_PICTURE_PX)}
    decoder.flags |= Flags.unaligned  # crop exactly what the stream states, at the left too
    decoder.thread_type = ThreadType.AUTO
    pixels = max(1, decoder.width * decoder.height)
    decoder.thread_count = max(1, min(MOST_THREADS, os.cpu_count() or 1, THREADED_PX // pixels))


def _why_not_opened(file: Container) -> BadVideo:
    if file.kind is None:
        text = "not a video: neither MP4, MOV, Matroska, AVI, MPEG-TS, MPEG-PS nor FLV"
        return BadVideo(text, code="not_a_video")
    if not file.is_whole:
        return BadVideo(f"truncated: {file.size_bytes} of {file.announced_bytes} bytes", code="truncated")
    if not file.has_index:
        return BadVideo("truncated: its index (moov) is missing", code="truncated")
    if not file.has_video:
        return BadVideo("no video stream", code="no_video_stream")
    return _undecodable(file.kind)


def _why_nothing_is_chosen(demuxer: InputContainer, file: Container) -> BadVideo:
    if demuxer.format.name == "mpeg" and any(stream.id in PS_VIDEO_IDS for stream in demuxer.streams):
        return _without_key_frame()
    kinds = {stream.type for stream in demuxer.streams}
    if file.is_whole and "audio" in kinds and kinds <= WITHOUT_VIDEO:
        return BadVideo("no video stream", code="no_video_stream")
    return _undecodable(demuxer.format.name.upper()) if file.kind is None else _why_not_opened(file)


def _why_no_size(demuxer: InputContainer, stream: VideoStream) -> BadVideo:
    """An announced stream without packets is no stream. In MPEG-TS it may be encrypted: FFmpeg drops such packets."""
    if demuxer.format.name == "mpegts" or _has_packets(demuxer, stream):
        return _without_key_frame()
    return BadVideo("no video stream", code="no_video_stream")


def _has_packets(demuxer: InputContainer, stream: VideoStream) -> bool:
    try:
        return any(packet.size for packet in demuxer.demux(stream))
    except av.FFmpegError:
        return False


def _without_key_frame() -> BadVideo:
    text = (
        "no key frame was found, so the size of its pictures is unknown: the beginning of the recording is missing, "
        "or the video is encrypted or damaged; export it again, from an earlier time and without encryption"
    )
    return BadVideo(text, code="undecodable")


def _undecodable(kind: str) -> BadVideo:
    return BadVideo(f"no video stream in this {kind} file that can be decoded", code="undecodable")

"""Frames of a video file, with stride and the container's own timestamps. The only user of the decoder.

What counts as unreadable is decided here: BadVideo, with the reason an operator reads.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import cv2

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import LONGEST_VIDEO_MS
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import container
from video_analysis.yolo_worker.source.container import Container
from video_analysis.yolo_worker.types import Frame

DECODER_ENVIRONMENT = {
    # Without the lists a playlist named .mp4 makes the decoder open any file or address it names.
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "format_whitelist;mov,mp4,matroska,avi,mpegts|protocol_whitelist;file",
    # AV_LOG_QUIET: its lines go to stderr from C, past any log; the verdict is in BadVideo.
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}
OPENCV_SILENT = 0

LARGEST_SIDE_PX = 16_384
LARGEST_PICTURE_PX = 64_000_000
MOST_SAMPLES = 10_000_000
"""Four days at 25 frames and as many sounds a second. The decoder's index takes some 60 bytes for each."""
LEAST_SHARE_READ = 0.98
MOST_LOST_IN_A_WHOLE_FILE = 8
"""Pictures before the first whole one cannot be shown in a clip cut from a stream (an open GOP)."""
LOST_IN_A_ROW = 1000
"""A damaged packet ends OpenCV's reading; asking again goes on behind it. At the true end it costs nothing."""
RESTART_MS = 1000.0
"""Timestamps that fall by this much begin anew (a discontinuity); smaller falls are levelled."""
PROBED_FRAMES = 60
NOMINAL_INTERVAL_MS = 40.0
"""For a clip whose timestamps say nothing of its rate, as of one frame."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the file says of itself, and how far apart its first frames are."""

    width_px: int
    """As shown: a rotation tag of 90° has been applied."""
    height_px: int
    announced_frames: int
    """Fiction in some containers (a guess from length and rate); never derive times from it."""
    median_interval_ms: float
    """Between frames of the file, skipped ones included; always positive."""


def probe(path: Path) -> VideoInfo:
    """Size and rate, from the first frames. BadVideo where the file cannot be opened or has no frame."""
    with _opened(path) as (capture, _):
        offsets = list(islice(_offsets(capture), PROBED_FRAMES))
        if not offsets:
            raise BadVideo("not a video: none of its frames can be decoded", code="undecodable")
        steps = [later - earlier for earlier, later in pairwise(offsets) if later > earlier]
        return VideoInfo(
            width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            announced_frames=_announced(capture),
            median_interval_ms=median(steps) if steps else NOMINAL_INTERVAL_MS,
        )


def frames(path: Path, stride: int) -> Generator[Frame, None, None]:
    """Every `stride`-th frame from the first on, rotated as its tag says; the others are not turned into pictures.

    Offsets count from the video stream's first timestamp, in ms, and never fall. Raises BadVideo: at once for
    what is no video, after the last frame where too many of those announced were missing. The file is closed
    however the iteration ends.
    """
    with _opened(path) as (capture, file):
        read = wanted = pictures = 0
        for index, position_ms in enumerate(_offsets(capture)):
            read += 1
            if index % stride:
                continue
            offset_ms = timestamps.offset_ms(position_ms)
            if offset_ms > LONGEST_VIDEO_MS:
                text = f"frame {index} is {offset_ms} ms into the video: more than a year"
                raise BadVideo(text, code="too_long")
            wanted += 1
            pictured, image = capture.retrieve()
            if pictured:
                pictures += 1
                yield Frame(index=index, offset_ms=offset_ms, image=image)
        _check_pictures(pictures, wanted)
        _check_read(read - (wanted - pictures), _announced(capture), file)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[cv2.VideoCapture, Container]]:
    file = container.read(path)
    if file.announced_samples > MOST_SAMPLES:
        raise BadVideo(
            f"its index announces {file.announced_samples} frames, more than the {MOST_SAMPLES} that can be read: "
            "it is damaged, or too long for one video",
            code="too_many_frames",
        )
    os.environ.update(DECODER_ENVIRONMENT)
    cv2.setLogLevel(OPENCV_SILENT)
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise _why_not_opened(file)
        _check_size(capture, file)
        yield capture, file
    finally:
        capture.release()


def _offsets(capture: cv2.VideoCapture) -> Iterator[float]:
    """The place in ms of each frame that decodes, right after it was grabbed (before, it is its predecessor's)."""
    last, step, shift = 0.0, 0.0, 0.0
    while any(capture.grab() for _ in range(LOST_IN_A_ROW)):
        offset = capture.get(cv2.CAP_PROP_POS_MSEC) + shift
        if offset <= last - RESTART_MS:
            shift += last + step - offset
            offset = last + step
        offset = max(last, offset)
        last, step = offset, offset - last or step
        yield offset


def _announced(capture: cv2.VideoCapture) -> int:
    return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))


def _why_not_opened(file: Container) -> BadVideo:
    if file.size_bytes == 0:
        return BadVideo("empty file", code="empty_file")
    if file.kind is None:
        return BadVideo("not a video: neither MP4, MOV, Matroska, AVI nor MPEG-TS", code="not_a_video")
    if not file.is_whole:
        return BadVideo(f"truncated: {file.size_bytes} of {file.announced_bytes} bytes", code="truncated")
    if not file.has_index:
        return BadVideo("truncated: its index (moov) is missing", code="truncated")
    if not file.has_video:
        return BadVideo("no video stream", code="no_video_stream")
    return BadVideo(f"no video stream in this {file.kind} file that can be decoded", code="undecodable")


def _check_size(capture: cv2.VideoCapture, file: Container) -> None:
    """Refuse what would not fit into memory, and what OpenCV would read beyond its buffers: a size that changes."""
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if min(width, height) < 1:
        raise BadVideo("no video stream: its pictures have no size", code="no_video_stream")
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_PICTURE_PX:
        text = f"pictures of {width}×{height} px are larger than any camera's"
        raise BadVideo(text, code="picture_too_large")
    if len(file.picture_sizes) > 1:
        sizes = " and ".join(f"{width}×{height}" for width, height in sorted(file.picture_sizes))
        raise BadVideo(f"the size of its pictures changes midway: {sizes}", code="picture_size_changes")


def _check_pictures(pictures: int, wanted: int) -> None:
    """Refuse a video whose packets are read but whose pictures, among those asked for, are not."""
    if pictures == 0:
        raise BadVideo("not a video: none of its frames can be decoded", code="undecodable")
    if _too_few(pictures, wanted):
        text = f"damaged: {pictures} of the {wanted} frames looked at can be decoded"
        raise BadVideo(text, code="damaged")


def _check_read(read: int, announced: int, file: Container) -> None:
    """Too few frames are held against the file only where their number is known, or where it was cut off.

    A cut file whose count says nothing of the cut is refused whatever was read. Not so an AVI: its count
    is its header's, and some writers state a length beyond the file's end.
    """
    if not file.is_whole:
        if read < LEAST_SHARE_READ * announced:
            raise BadVideo(f"truncated: {read} of {announced} frames", code="truncated")
        if not file.counts_exactly and file.kind != "AVI":
            raise BadVideo(
                f"truncated: {read} frames of a file cut at {file.size_bytes} of {file.announced_bytes} bytes",
                code="truncated",
            )
    elif _too_few(read, file.fragmented_frames):
        raise BadVideo(
            f"fragmented: {read} of {file.fragmented_frames} frames can be read; "
            "remux it (ffmpeg -c copy) and upload it again",
            code="fragmented",
        )
    elif file.counts_exactly and _too_few(read, announced):
        raise BadVideo(f"damaged: {read} of {announced} frames", code="damaged")


def _too_few(read: int, known: int) -> bool:
    return read < LEAST_SHARE_READ * known and known - read > MOST_LOST_IN_A_WHOLE_FILE

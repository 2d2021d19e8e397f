"""Frames of a video file: every n-th one, as displayed, with its offset from the start of the video.

What counts as unreadable is decided here and in `open_video`: BadVideo, with the reason that an operator reads.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

from av.video.frame import VideoFrame

from video_analysis.worker_utils.contracts import timestamps
from video_analysis.worker_utils.contracts.messages import LONGEST_VIDEO_MS
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import container, damage, decoding, key_frames, mosaic, picture
from video_analysis.yolo_worker.source.active_area import Samples
from video_analysis.yolo_worker.source.damage import Damage, Tally
from video_analysis.yolo_worker.source.deinterlace import Deinterlacer
from video_analysis.yolo_worker.source.frame_times import Timeline
from video_analysis.yolo_worker.source.losses import Losses, UnsoundBytes
from video_analysis.yolo_worker.source.open_video import OpenVideo, opened
from video_analysis.yolo_worker.types import Area, Frame

PROBED_FRAMES, SAMPLED_EVERY = 60, 8
NOMINAL_INTERVAL_MS = 40.0
"""For a clip whose timestamps do not show its rate, as of one frame."""
SLOWEST_FPS, FASTEST_FPS = 1, 240
"""A rate outside this range, or 1, is a guess of the container."""
LONGEST_LEAD_IN_MS = 60_000.0
"""A first frame that comes later after the stream's stated start makes that statement an error."""
MOST_HELD, HELD_PX = 16, 32_000_000
"""Frames, and pixels of pictures, that are held back to correct a timestamp."""
CONVERTER_THREADS = 1


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Size, length and rate, from the header and the first frames."""

    width_px: int
    """As displayed: rotated, with square pixels."""
    height_px: int
    announced_frames: int
    """A guess from length and rate in some containers; never derive times from it."""
    median_interval_ms: float
    """Between frames of the file, skipped ones included; always positive."""
    areas: tuple[Area, ...]
    """See `Frame.areas`; they hold for pictures of this size."""
    is_exact: bool
    """`announced_frames` is the count of the container's table."""


@dataclass(frozen=True, slots=True, eq=False)
class TimedFrame:
    """A decoded frame and its place in the video."""

    index: int
    offset_ms: float
    time_ms: float | None
    """Its timestamp, which may be missing or wrong."""
    frame: VideoFrame | None
    """None for a frame that the stride skips."""
    pixel_aspect: Fraction | None


def probe(path: Path) -> VideoInfo:
    """Size, rate and areas, from the first frames. BadVideo where the file cannot be opened or has no frame.

    Where there seem to be bars or tiles, key frames from the whole file are compared as well.
    """
    maker, samples, offsets_ms = picture.PictureMaker(CONVERTER_THREADS), Samples(), list[float]()
    with opened(path) as video:
        for timed in islice(_timed(video, _decoded(video, Tally()), SAMPLED_EVERY), PROBED_FRAMES):
            offsets_ms.append(timed.offset_ms)
            if timed.frame is not None:
                samples.add(maker.picture(timed.frame, timed.pixel_aspect))
        if not offsets_ms:
            raise _no_frames(video)
        areas = mosaic.active_areas(samples)
        if areas:
            for frame in key_frames.spread(video):
                samples.add(maker.picture(frame, _pixel_aspect(video, frame)))
            areas = mosaic.active_areas(samples)
        steps = [later - earlier for earlier, later in pairwise(offsets_ms)]
        rising = [step for step in steps if step > 0]
        return VideoInfo(
            *samples.size,
            announced_frames=video.frame_count,
            median_interval_ms=median(rising) if rising else NOMINAL_INTERVAL_MS,
            areas=areas,
            is_exact=video.announced.is_exact and video.stream.frames > 0,
        )


def frames(
    path: Path, stride: int, info: VideoInfo | None = None, *, lazily: bool = False
) -> Generator[Frame, None, Damage | None]:
    """Every `stride`-th frame from the first on, as displayed; the others are not converted to pictures.

    Offsets count from the video stream's first presentation time, in ms, and never fall. Frames of the size in `info`
    get its areas. Returns what is missing, None if nothing is. Raises BadVideo at once where the file is no video or
    has no frame. The file is closed however the iteration ends. With `lazily`, a picture is made when it is first used.
    """
    with opened(path) as video:
        tally, maker = Tally(losses=Losses(_unsound_bytes(path, video))), picture.PictureMaker(CONVERTER_THREADS)
        for timed in _timed(video, _progressive(_decoded(video, tally)), stride):
            tally.advance(timed.time_ms, timed.offset_ms)
            offset_ms = timestamps.offset_ms(timed.offset_ms)
            if offset_ms > LONGEST_VIDEO_MS:
                return Damage(timed.index, None, 0.0, is_cut=False, late_ms=offset_ms)
            if timed.frame is not None:
                picked = maker.lazily(timed.frame, timed.pixel_aspect)
                areas = info.areas if info and picked.size_px == (info.width_px, info.height_px) else ()
                yield Frame(timed.index, offset_ms, picked if lazily else picked.image, areas)
        return _missing(video, tally)


def _timed(video: OpenVideo, decoded: Iterable[tuple[VideoFrame, float | None]], stride: int) -> Iterator[TimedFrame]:
    """Every frame with its offset."""
    pixels = max(1, video.stream.codec_context.width * video.stream.codec_context.height)
    ahead = min(MOST_HELD, max(2, HELD_PX * stride // pixels))
    line: Timeline[tuple[int, float | None, VideoFrame | None, Fraction | None]] | None = None
    for index, (frame, time) in enumerate(decoded):
        line = line or Timeline(_nominal_ms(video), ahead, _start_ms(video, time))
        item = (index, time, None, None) if index % stride else (index, time, frame, _pixel_aspect(video, frame))
        for offset, (number, stated, picked, aspect) in line.push(time, item):
            yield TimedFrame(number, offset, stated, picked, aspect)
    for offset, (number, stated, picked, aspect) in line.close() if line else ():
        yield TimedFrame(number, offset, stated, picked, aspect)


def _decoded(video: OpenVideo, tally: Tally) -> Iterator[tuple[VideoFrame, float | None]]:
    """Every frame with its timestamp in ms."""
    for frame in decoding.decoded(video, tally):
        yield frame, decoding.time_ms(video, frame)


def _progressive(decoded: Iterable[tuple[VideoFrame, float | None]]) -> Iterator[tuple[VideoFrame, float | None]]:
    """The same frames, deinterlaced if they are interlaced."""
    filtered: Deinterlacer[float | None] = Deinterlacer(CONVERTER_THREADS)
    for frame, time in decoded:
        yield from filtered.push(frame, time)
    yield from filtered.close()


def _nominal_ms(video: OpenVideo) -> float:
    rate = float(video.stream.guessed_rate or video.stream.average_rate or 0)
    return 1000 / rate if SLOWEST_FPS < rate <= FASTEST_FPS else NOMINAL_INTERVAL_MS


def _start_ms(video: OpenVideo, first_ms: float | None) -> float | None:
    start = decoding.start_ms(video)
    if start is None or (first_ms is not None and not 0 <= first_ms - start <= LONGEST_LEAD_IN_MS):
        return first_ms
    return start


def _pixel_aspect(video: OpenVideo, frame: VideoFrame) -> Fraction | None:
    """The container's, which takes precedence, as long as the picture has the size that it announces."""
    decoder = video.stream.codec_context
    is_announced = (frame.width, frame.height) == video.announced_size
    return (video.stream.sample_aspect_ratio if is_announced else None) or decoder.sample_aspect_ratio


def _unsound_bytes(path: Path, video: OpenVideo) -> UnsoundBytes | None:
    if video.demuxer.format.name != "mpegts":
        return None
    return partial(container.unsound_bytes, path, container.packet_bytes(path))


def _missing(video: OpenVideo, tally: Tally) -> Damage | None:
    if tally.frames == 0:
        raise _no_frames(video)
    found = damage.found(tally, video.announced, video.file.size_bytes, tally.losses.interval_ms or _nominal_ms(video))
    return None if found.is_none else found


def _no_frames(video: OpenVideo) -> BadVideo:
    if not video.file.is_whole:
        text = f"truncated: no frame in {video.file.size_bytes} of {video.file.announced_bytes} bytes"
        return BadVideo(text, code="truncated")
    return BadVideo("not a video: none of its frames can be decoded", code="undecodable")

"""Key frames spread over a whole file, without decoding what lies between them."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.video.frame import VideoFrame

from video_analysis.yolo_worker.source.open_video import OpenVideo

FRAMES = 12
MOST_PACKETS = 50
"""Packets that are read at one place to find a frame."""


def spread(video: OpenVideo) -> Iterator[VideoFrame]:
    """Up to FRAMES key frames at even distances, as far as the file can be searched. Moves the file's position."""
    start, length = video.stream.start_time or 0, _length(video)
    try:
        for number in range(FRAMES):
            video.demuxer.seek(start + length * number // FRAMES, stream=video.stream)
            video.stream.codec_context.flush_buffers()
            frame = _first_frame(video)
            if frame is not None:
                yield frame
    except (av.FFmpegError, OverflowError, IndexError):  # IndexError: see `decoding`
        return  # what was found so far has to be enough


def _length(video: OpenVideo) -> int:
    """In ticks of the stream; 0 where the file does not state it."""
    if video.stream.duration is not None:
        return video.stream.duration
    return round((video.length_ms or 0) / video.tick_ms)


def _first_frame(video: OpenVideo) -> VideoFrame | None:
    for count, packet in enumerate(video.demuxer.demux(video.stream)):
        if count == MOST_PACKETS or packet.size == 0:
            break
        frames = video.stream.codec_context.decode(packet)
        if frames:
            return frames[0]
    return None

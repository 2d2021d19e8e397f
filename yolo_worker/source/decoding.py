"""Packets → decoded frames. Errors are counted, and decoding continues behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from video_analysis.yolo_worker.source.avi_times import AviTimes
from video_analysis.yolo_worker.source.damage import Tally
from video_analysis.yolo_worker.source.open_video import OpenVideo

LOST_IN_A_ROW = 1000
"""The demuxer continues behind a damaged part. After so many failures in a row the file has ended."""
SEARCHED_BYTES = 65_536
"""In MPEG-TS it fails once for every so many bytes without a packet, and then searches the next ones."""


def decoded(video: OpenVideo, tally: Tally) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, in the order of presentation.

    Outside a transport or program stream a corrupt packet is the last one of a file that was cut. It is not decoded:
    an error in the last packet would make the decoder drop the frames that it still holds.
    """
    for packet in _packets(video, tally):
        if packet.size == 0:  # a dropped frame in an AVI, or the end; an empty packet would end the decoder
            tally.empty += packet.dts is not None
            continue
        _count(video, packet, tally)
        if video.is_stream or not packet.is_corrupt:
            yield from _frames(video, packet, tally)
    yield from _frames(video, None, tally)


def time_ms(video: OpenVideo, frame: VideoFrame | Packet[VideoStream]) -> float | None:
    """The timestamp of the frame or packet; None where it has none.

    An AVI has no presentation times. The decoding time of the packet that completes a frame rises evenly instead.
    """
    time = frame.dts if video.is_avi else frame.pts
    return None if time is None else time * video.tick_ms


def start_ms(video: OpenVideo) -> float | None:
    """The stream's first presentation time, by its container."""
    start = None if video.is_avi else video.stream.start_time
    return None if start is None else start * video.tick_ms


def _packets(video: OpenVideo, tally: Tally) -> Iterator[Packet[VideoStream]]:
    streams = video.demuxer.streams.get() if video.reads_all_streams else [video.stream]
    avi = AviTimes(video.stream.index_entries if video.is_avi and video.file.has_index else None)
    failures, most = 0, LOST_IN_A_ROW + video.file.size_bytes // SEARCHED_BYTES
    while failures < most:
        try:
            for packet in video.demuxer.demux(streams):
                failures = 0
                if packet.stream_index == video.stream.index:
                    of_video = cast("Packet[VideoStream]", packet)
                    avi.correct(of_video)
                    yield of_video
                else:
                    tally.losses.other_stream(packet.pos, packet.size)
            return
        except IndexError:  # PyAV, at the end of a file in which a stream began that its header does not list
            return
        except av.FFmpegError:
            failures += 1
            tally.losses.demuxer_failed()


def _count(video: OpenVideo, packet: Packet[VideoStream], tally: Tally) -> None:
    is_key, is_corrupt = packet.is_keyframe, packet.is_corrupt
    tally.count(packet.pts, is_key=is_key, is_hidden=packet.is_discard, is_corrupt=is_corrupt)
    time = time_ms(video, packet)
    tally.losses.packet(time, packet.pos, packet.size, is_key=is_key, is_corrupt=is_corrupt)


def _frames(video: OpenVideo, packet: Packet[VideoStream] | None, tally: Tally) -> Iterator[VideoFrame]:
    try:
        frames = video.stream.codec_context.decode(packet)
    except av.FFmpegError:
        tally.refuse()
        return
    for frame in frames:
        tally.frames += 1
        yield frame

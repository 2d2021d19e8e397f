"""Interlaced frames → progressive frames, one for one (bwdif). What is interlaced is flagged, or detected."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Generic, TypeVar, cast

import numpy as np
from av import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame

from video_analysis.yolo_worker.source.field_order import FieldOrder, FieldOrderDetector, Luma

FILTER = "bwdif"
OF_FLAGGED = "mode=send_frame:parity=auto:deint=interlaced"
"""One frame for each frame; the field order is the frame's own; only frames that are flagged."""
OF_ALL = "mode=send_frame:parity={}:deint=all"

Item = TypeVar("Item")
Shape = tuple[int, int, str, int, int]


class Deinterlacer(Generic[Item]):
    """Passes frames through until the first interlaced one, or until interlacing is detected.

    From there on each frame leaves one frame later.

    Frames that the filter refuses (fewer than three lines or columns) pass through as they are.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._graph: Graph | None = None
        self._shape: Shape | None = None
        self._refused: Shape | None = None
        self._fields = FieldOrderDetector()
        self._waiting: deque[tuple[VideoFrame, Item]] = deque()

    def push(self, frame: VideoFrame, item: Item) -> Iterator[tuple[VideoFrame, Item]]:
        """Take the next frame; the frames that are finished, each with the item that came with it."""
        shape = frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range
        if shape != self._shape:
            yield from self.close()
            self._shape, self._fields = shape, FieldOrderDetector()
        if self._graph is None and (shape == self._refused or not self._is_interlaced(frame)):
            yield frame, item
            return
        self._waiting.append((frame, item))
        yield from self._filtered(frame)

    def close(self) -> Iterator[tuple[VideoFrame, Item]]:
        """The frames that are still inside."""
        if self._graph is not None:
            yield from self._filtered(None)
        yield from self._waiting
        self._waiting.clear()
        self._graph = None

    def _is_interlaced(self, frame: VideoFrame) -> bool:
        if frame.interlaced_frame:
            return True
        if not self._fields.is_decided and _has_plain_luma(frame):
            self._fields.observe(_luma(frame))
        return self._fields.order is not None

    def _filtered(self, frame: VideoFrame | None) -> Iterator[tuple[VideoFrame, Item]]:
        try:
            if frame is not None:
                self._graph = self._graph or _graph(frame, self._threads, self._fields.order)
                frame.pts = None
            if self._graph is not None:
                self._graph.vpush(frame)
                yield from self._finished(self._graph)
        except FFmpegError:
            self._graph, self._refused = None, self._shape
            yield from self._waiting
            self._waiting.clear()

    def _finished(self, graph: Graph) -> Iterator[tuple[VideoFrame, Item]]:
        while self._waiting:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EOFError):  # needs another frame; has none left
                return
            yield frame, self._waiting.popleft()[1]


def _has_plain_luma(frame: VideoFrame) -> bool:
    """Whether its first plane holds one byte per pixel, from top to bottom."""
    is_planar = frame.format.is_planar or len(frame.format.components) == 1
    return is_planar and frame.format.components[0].bits == 8 and frame.planes[0].line_size > 0


def _luma(frame: VideoFrame) -> Luma:
    """A view into the frame."""
    plane = frame.planes[0]
    lines: Luma = np.frombuffer(cast("memoryview", plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]


def _graph(frame: VideoFrame, threads: int, order: FieldOrder | None) -> Graph:
    graph = Graph()
    graph.threads = threads
    source = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(frame.time_base or Fraction(1, 1000)),
        pixel_aspect="1/1",
        colorspace=str(frame.colorspace),
        range=str(frame.color_range),
    )
    graph.link_nodes(
        source, graph.add(FILTER, OF_ALL.format(order) if order else OF_FLAGGED), graph.add("buffersink")
    ).configure()
    return graph

"""A decoded frame → the picture as displayed: BGR, square pixels, upright, SDR."""

from __future__ import annotations

import struct
from fractions import Fraction
from functools import partial
from threading import Lock
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from video_analysis.yolo_worker.source import tone_map
from video_analysis.yolo_worker.source.orientation import UPRIGHT, Orientation, orientation
from video_analysis.yolo_worker.source.tone_map import Transfer
from video_analysis.yolo_worker.types import Image, LazyPicture

LARGEST_SIDE_PX = 16_384
SMALL_PX = 16
WIDEST_PIXEL = 4
"""Pixel aspect ratios beyond 4:1 and 1:4 are errors of the header."""
LEAST_CHANGE = 0.01
"""A smaller correction of the aspect ratio is not worth an interpolation."""
TRANSFERS: dict[int, Transfer] = {16: "PQ", 18: "HLG"}
"""Code points of ITU-T H.273, table 3."""
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""Code points of ITU-T H.273, table 4."""
BGR_MATRIX = Colorspace.ITU709
"""Of the result, without effect. By default it would be the frame's, which the converter may refuse."""

Key = tuple[int, int, int]


class PictureMaker:
    """Turns the frames of one video into pictures. Keeps converter and orientation of the last frame."""

    def __init__(self, threads: int) -> None:
        self._reformatter = VideoReformatter()
        self._threads = threads
        self._lock = Lock()
        """A converter serves one thread at a time."""
        self._orientation = UPRIGHT
        self._key: Key | None = None

    def picture(self, frame: VideoFrame, pixel_aspect: Fraction | None) -> Image:
        """As displayed. H×W×3, BGR, contiguous."""
        return self.lazily(frame, pixel_aspect).image

    def lazily(self, frame: VideoFrame, pixel_aspect: Fraction | None) -> LazyPicture:
        """`picture`, made when it is first used, in the thread that uses it."""
        width, height = square_size(frame.width, frame.height, pixel_aspect)
        displayed_as = self._displayed_as(frame)
        size_px = (height, width) if displayed_as.transpose else (width, height)
        return LazyPicture(size_px, partial(self._converted, frame, (width, height), displayed_as))

    def _converted(self, frame: VideoFrame, size: tuple[int, int], displayed_as: Orientation) -> Image:
        width, height = size
        with self._lock:
            converted = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format="bgr24",
                src_colorspace=_matrix(frame),
                dst_colorspace=BGR_MATRIX,
                dst_color_range=ColorRange.JPEG,
                interpolation=Interpolation.BILINEAR if width == frame.width else Interpolation.BICUBIC,
                threads=self._threads,
            )
        image = _pixels(converted)
        transfer = TRANSFERS.get(frame.color_trc)
        return turned(tone_map.to_sdr(image, transfer) if transfer else image, displayed_as)

    def _displayed_as(self, frame: VideoFrame) -> Orientation:
        """By the frame's display matrix, which is read when its rotation or the size changes."""
        key = frame.rotation, frame.width, frame.height
        if key != self._key:
            matrix = _display_matrix(frame)
            self._key, self._orientation = key, orientation(matrix) if matrix else UPRIGHT
        return self._orientation


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """By way of a small copy: reading it makes a reference cycle, which would keep the decoder's pictures."""
    matrix = _matrix(frame)
    small = VideoReformatter().reformat(
        frame,
        width=SMALL_PX,
        height=SMALL_PX,
        format="gray",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        threads=1,
    )
    data = cast("SideDataContainer", small.side_data).get(Type.DISPLAYMATRIX)
    return None if data is None else struct.unpack("=9i", bytes(cast("SideData", data))[:36])


def _pixels(frame: VideoFrame) -> Image:
    """The samples of a packed frame of 3 bytes per pixel, copied only if its rows end with padding.

    `to_ndarray` gives the same and takes 35 µs longer.
    """
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(frame.height, plane.line_size)[:, : 3 * frame.width]
    return np.ascontiguousarray(rows).reshape(frame.height, frame.width, 3)


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """The size with square pixels: the shorter side is enlarged, so that nothing is lost."""
    aspect = float(pixel_aspect or 1)
    if not 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL or abs(aspect - 1) < LEAST_CHANGE:
        return width, height
    wide, high = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return (wide, high) if max(wide, high) <= LARGEST_SIDE_PX else (width, height)


def turned(image: Image, how: Orientation) -> Image:
    """The picture in its orientation. Contiguous."""
    if how.transpose:
        image = cv2.transpose(image)
    if how.flip_x or how.flip_y:
        image = cv2.flip(image, -1 if how.flip_x and how.flip_y else int(how.flip_x))
    return image


def _matrix(frame: VideoFrame) -> Colorspace:
    """By the stream; BT.601 if it states none, as OpenCV decodes, or one that the converter refuses. RGB ignores it."""
    return MATRICES.get(frame.colorspace, Colorspace.ITU601)

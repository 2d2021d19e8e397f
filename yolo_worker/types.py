"""Values that pass between the stages of yolo_worker. All are frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.contracts.messages import YoloType

Image = NDArray[np.uint8]
"""H×W×3, BGR."""
Boxes = NDArray[np.float32]
"""D×6: x1, y1, x2, y2 in px of the frame, confidence 0..1, class as an index into taxonomy.YOLO_TYPES; D may be 0."""
Embedding = NDArray[np.float32]
"""An appearance vector of length 1."""
Embeddings = NDArray[np.float32]
"""D×N: one embedding per row."""
Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in px of the frame."""
Area = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole px of the frame; x2 and y2 are outside."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Properties of a frame source that are known before its first frame."""

    width_px: int
    height_px: int
    """Width and height as displayed, after rotation."""
    interval_ms: float
    """Median time between two consecutive frames of the source, by their timestamps; always positive."""
    announced_frames: int | None
    """Expected number of frames, an estimate; None if the source has no end."""
    is_live: bool
    """Frames arrive in real time, as from a camera."""
    areas: tuple[Area, ...] = ()
    """The parts of the picture that show a scene, see `Frame.areas`."""
    is_exact: bool = False
    """`announced_frames` is no estimate."""

    @property
    def frame_bytes(self) -> int:
        """Size of one decoded frame in memory."""
        return self.width_px * self.height_px * 3


class LazyPicture:
    """The picture of a frame, made when it is first used: most frames of a continued video need none."""

    def __init__(self, size_px: tuple[int, int], make: Callable[[], Image]) -> None:
        """`size_px`: width and height. `make` can be called in any thread."""
        self.size_px = size_px
        self._content: Image | Callable[[], Image] = make

    @property
    def image(self) -> Image:
        """The picture. Once it is made, that of the decoder is released."""
        content = self._content
        if not isinstance(content, np.ndarray):
            content = self._content = content()
        return content


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame with its position in the source."""

    index: int
    """Index among all frames of the source from 0; frames skipped by the stride are counted."""
    offset_ms: int
    """Time since the first frame of the source, by the source's timestamps."""
    picture: Image | LazyPicture
    areas: tuple[Area, ...] = ()
    """The parts of the image that show a scene: without black bars, and one per tile of a recorder's mosaic.

    Empty: the whole image is one scene. What crosses the border of an area is cut, as at the edge of the image.
    """

    @property
    def image(self) -> Image:
        """The picture."""
        return self.picture.image if isinstance(self.picture, LazyPicture) else self.picture

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height. Does not make the picture."""
        if isinstance(self.picture, LazyPicture):
            return self.picture.size_px
        height, width = self.picture.shape[:2]
        return width, height

    @property
    def extent(self) -> Area:
        """What encloses all areas; the whole image if there are none."""
        width, height = self.size_px
        if not self.areas:
            return 0, 0, width, height
        left, top, right, bottom = zip(*self.areas, strict=True)
        return min(left), min(top), max(right), max(bottom)

    def area_of(self, box: Box) -> Area:
        """The area with the centre of the box; the whole image if there is none."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        width, height = self.size_px
        inside = (area for area in self.areas if area[0] <= x < area[2] and area[1] <= y < area[3])
        return next(inside, (0, 0, width, height))


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """The camera's shift since the first frame, right and down, in px."""

    shift: tuple[float, float]
    measured: tuple[float, float]
    """Including changes that are too small to be distinguished from noise."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrame:
    """A frame and the boxes of its vehicles after NMS across classes."""

    frame: Frame
    boxes: Boxes
    shift: tuple[float, float] = (0.0, 0.0)
    """The camera's shift since the first frame, right and down, in px."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track that was matched to a detection in one frame, with box, confidence and type of that detection."""

    key: int
    """The tracker's key of the track, the same from its first, tentative detection on."""
    box: Box
    confidence: float
    type: YoloType


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """A frame with its matched tracks (tentative ones included), and the changes since the previous frame."""

    frame: Frame
    tracks: Sequence[Track]
    ended: Sequence[int]
    """Keys of the tracks that ended."""
    links: Sequence[tuple[int, int]] = ()
    """(key, track_id) where it is decided or changes, in that order. track_id counts from 1; numbers may be missing.

    A track that is confirmed gets one: a new one, or that of the vehicle that it continues. One that turns out later
    to continue an older vehicle has the track_id of that from then on, as have all tracks that it continues itself. The
    key of a continued track does not end. A track that is found again after its end has its track_id again.
    """


@dataclass(frozen=True, slots=True, eq=False)
class BestShot:
    """The best frame of a vehicle, cropped; emitted when no track can continue it any more."""

    track_id: int
    offset_ms: int
    type: YoloType
    """Majority vote over the whole track, weighted by confidence."""
    crop: Image
    """The vehicle's box with a margin, at the resolution of the frame."""
    box: Box
    """The detection of the vehicle in the chosen frame, without the margin."""
    frame_width_px: int
    frame_height_px: int
    """Size of the chosen frame, as displayed."""

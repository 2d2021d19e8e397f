"""Lines of text in a snapshot: boxes from a detector's probability map, plate candidates, rectified crops. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import content_box

TEXT_PROB, MIN_SCORE, UNCLIP_RATIO = 0.3, 0.4, 1.6
"""Post-processing of a DB detector as in RapidOCR (arXiv 1911.08947): pixel threshold, box threshold, unclip ratio."""
MAX_TILT_DEG = 30.0
ASPECT_RANGE = (1.2, 9.0)
TYPICAL_ASPECT = 3.6
BAR_TOLERANCE, BAR_SHARE = 12, 0.95
"""How the letterbox bars are detected: see `content_box`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: centre and size in px of the snapshot, tilt in degrees (clockwise)."""

    x: float
    y: float
    width: float
    height: float
    angle_deg: float
    score: float
    """Mean text probability inside it."""


def content(image: Image) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the area between the letterbox bars; the whole image if there are no bars."""
    return content_box(image, BAR_TOLERANCE, BAR_SHARE) or (0, 0, image.shape[1], image.shape[0])


def lines(probs: NDArray[np.float32], scale: float, origin: tuple[int, int]) -> list[Line]:
    """The text lines in a detector's map (h×w, 0..1). Map coordinates are (snapshot − `origin`) · `scale`."""
    mask = cv2.dilate((probs > TEXT_PROB).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = (_line(probs, contour, scale, origin) for contour in contours)
    return [line for line in found if line is not None]


def _line(probs: NDArray[np.float32], contour: NDArray[np.int32], scale: float, origin: tuple[int, int]) -> Line | None:
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if width < height:
        width, height, angle = height, width, angle - 90
    left, top, box_width, box_height = cv2.boundingRect(contour)
    inside = np.zeros((box_height, box_width), np.uint8)
    cv2.fillPoly(inside, [contour - [left, top]], 1)
    score = cv2.mean(probs[top : top + box_height, left : left + box_width], inside)[0]
    if height < 3 or score < MIN_SCORE:
        return None
    margin = UNCLIP_RATIO * width * height / (width + height)
    angle = (angle + 90) % 180 - 90
    return Line(
        x / scale + origin[0], y / scale + origin[1], (width + margin) / scale, (height + margin) / scale, angle, score
    )


def plate_like(found: Sequence[Line], size_px: int) -> list[Line]:
    """The lines with the aspect ratio and tilt of a plate, the most likely first: typical aspect, low and central."""
    low, high = ASPECT_RANGE
    fitting = [one for one in found if low <= one.width / one.height <= high and abs(one.angle_deg) < MAX_TILT_DEG]
    return sorted(fitting, key=lambda one: -plate_likeness(one, size_px))


def plate_likeness(line: Line, size_px: int) -> float:
    """How likely a line is a plate by its shape and position alone, 0..1."""
    aspect = abs(np.log(line.width / line.height / TYPICAL_ASPECT))
    off_centre, above = abs(line.x / size_px - 0.5), max(0.0, 0.6 - line.y / size_px)
    return float(np.exp(-(aspect**2) - 2 * off_centre**2 - 2 * above**2) * line.score)


def stacked(found: Sequence[Line]) -> list[tuple[int, int]]:
    """(upper, lower) index pairs of possible two-line plates: close, one above the other, of similar height."""
    return [(a, b) for a, b in permutations(range(len(found)), 2) if _is_above(found[a], found[b])]


def _is_above(upper: Line, lower: Line) -> bool:
    height = (upper.height + lower.height) / 2
    distance_y, distance_x = lower.y - upper.y, abs(lower.x - upper.x)
    similar = 0.6 < upper.height / lower.height < 1.7
    return similar and 0.6 * height < distance_y < 1.6 * height and distance_x < 0.3 * max(upper.width, lower.width)


def strip(image: Image, line: Line, height_px: int, max_width_px: int) -> Image:
    """The crop of a line, rotated to horizontal, `height_px` high and at most `max_width_px` wide."""
    width = min(max_width_px, max(height_px, round(height_px * line.width / line.height)))
    tilt = np.deg2rad(line.angle_deg)
    along = np.array([np.cos(tilt), np.sin(tilt)]) * line.width / 2
    down = np.array([-np.sin(tilt), np.cos(tilt)]) * line.height / 2
    centre = np.array([line.x, line.y])
    source = np.array([centre - along - down, centre + along - down, centre - along + down], np.float32)
    target = np.array([[0, 0], [width, 0], [0, height_px]], np.float32)
    matrix = cv2.getAffineTransform(source, target)
    crop = cv2.warpAffine(image, matrix, (width, height_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)

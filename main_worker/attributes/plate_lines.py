"""Lines of text in a picture: from a detector's map to boxes, which of them may be a plate, cut out level. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import content_box

TEXT_CHANCE, LEAST_SCORE, UNCLIP = 0.3, 0.4, 1.6
"""As RapidOCR cuts the map of a DB detector (arXiv 1911.08947): pixel, box, how far a shrunken box grows again."""
STEEPEST_DEG = 30.0
ASPECTS = (1.2, 9.0)
BEST_ASPECT = 3.6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: its middle, its size and its turn, in px of the picture and degrees (clockwise)."""

    x: float
    y: float
    width: float
    height: float
    angle_deg: float
    score: float
    """Mean chance of text inside it."""


def content(picture: Image) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what the letterbox holds; the whole picture where it has no grey bars."""
    return content_box(picture, tolerance=12, bar_share=0.95) or (0, 0, picture.shape[1], picture.shape[0])


def lines(chances: NDArray[np.float32], scale: float, origin: tuple[int, int]) -> list[Line]:
    """The text lines of a detector's map (h×w, 0..1); a map's pixel is picture · `scale`, counted from `origin`."""
    mask = cv2.dilate((chances > TEXT_CHANCE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = (_line(chances, contour, scale, origin) for contour in contours)
    return [line for line in found if line is not None]


def _line(
    chances: NDArray[np.float32], contour: NDArray[np.int32], scale: float, origin: tuple[int, int]
) -> Line | None:
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if width < height:
        width, height, angle = height, width, angle - 90
    left, top, wide, high = cv2.boundingRect(contour)
    inside = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(inside, [contour - [left, top]], 1)
    score = cv2.mean(chances[top : top + high, left : left + wide], inside)[0]
    if height < 3 or score < LEAST_SCORE:
        return None
    grown = UNCLIP * width * height / (width + height)
    angle = (angle + 90) % 180 - 90
    return Line(
        x / scale + origin[0], y / scale + origin[1], (width + grown) / scale, (height + grown) / scale, angle, score
    )


def plate_like(found: Sequence[Line], size_px: int) -> list[Line]:
    """Those of a plate's proportions and not steep, the likeliest first: of its aspect, low and in the middle."""
    fit = [
        one for one in found if ASPECTS[0] <= one.width / one.height <= ASPECTS[1] and abs(one.angle_deg) < STEEPEST_DEG
    ]
    return sorted(fit, key=lambda one: -likeness(one, size_px))


def likeness(line: Line, size_px: int) -> float:
    """How much a line looks like a plate by shape and place alone, 0..1."""
    aspect = abs(np.log(line.width / line.height / BEST_ASPECT))
    aside, above = abs(line.x / size_px - 0.5), max(0.0, 0.6 - line.y / size_px)
    return float(np.exp(-(aspect**2) - 2 * aside**2 - 2 * above**2) * line.score)


def stacked(found: Sequence[Line]) -> list[tuple[int, int]]:
    """(upper, lower) of lines that may be the two of one plate: over each other, close, about as high."""
    return [(a, b) for a, b in permutations(range(len(found)), 2) if _over(found[a], found[b])]


def _over(upper: Line, lower: Line) -> bool:
    height = (upper.height + lower.height) / 2
    apart, aside = lower.y - upper.y, abs(lower.x - upper.x)
    alike = 0.6 < upper.height / lower.height < 1.7
    return alike and 0.6 * height < apart < 1.6 * height and aside < 0.3 * max(upper.width, lower.width)


def strip(picture: Image, line: Line, height_px: int, most_px: int) -> Image:
    """The line cut out level, `height_px` high and at most `most_px` wide."""
    width = min(most_px, max(height_px, round(height_px * line.width / line.height)))
    turn = np.deg2rad(line.angle_deg)
    along = np.array([np.cos(turn), np.sin(turn)]) * line.width / 2
    down = np.array([-np.sin(turn), np.cos(turn)]) * line.height / 2
    middle = np.array([line.x, line.y])
    source = np.array([middle - along - down, middle + along - down, middle - along + down], np.float32)
    target = np.array([[0, 0], [width, 0], [0, height_px]], np.float32)
    matrix = cv2.getAffineTransform(source, target)
    laid = cv2.warpAffine(picture, matrix, (width, height_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)

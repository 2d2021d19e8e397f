"""Lettering, badges and number plates: small pictures that are laid on faces. BGR uint8, drawn once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.vehicles import badges

Picture = NDArray[np.uint8]
Pictures = Callable[[str], Picture]
"""A vehicle's pictures by name: the shared ones and its own plate."""
SMALLEST_PX = 5.0
Bgr = tuple[int, int, int]


def paste(colour: Floats, mask: NDArray[np.bool_], corners: Floats, picture: Picture) -> None:
    """Lay a picture over a face's pixels (upper left, upper right, lower right, lower left), shaded as the face is."""
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), mask.shape[1]), min(int(high[1]), mask.shape[0])
    if right - left < SMALLEST_PX or bottom - top < 2:
        return
    size = (max(2, round(float(np.linalg.norm(corners[1] - corners[0])))), max(2, bottom - top))
    fitted = picture
    if size[0] < picture.shape[1]:
        high_px = max(2, round(picture.shape[0] * size[0] / picture.shape[1]))
        fitted = cv2.resize(picture, (size[0], high_px), interpolation=cv2.INTER_AREA)
    height, width = fitted.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = (corners - [left, top]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    laid = cv2.warpPerspective(fitted, matrix, (right - left, bottom - top), borderMode=cv2.BORDER_REPLICATE)
    region, here = colour[top:bottom, left:right], mask[top:bottom, left:right]
    region[here] *= (laid[here].astype(np.float32) / 255) * 1.1


@cache
def lettering(text: str, ink: Bgr, ground: Bgr, size: tuple[int, int] = (160, 40)) -> Picture:
    """Text that fills a plate of `size` (width, height in px)."""
    wide, high = size
    picture = np.full((high, wide, 3), ground, np.uint8)
    thick = max(2, high // 12)
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.0, thick)
    drawn = np.full((h + 12, w + 12, 3), ground, np.uint8)
    cv2.putText(drawn, text, (6, h + 6), cv2.FONT_HERSHEY_DUPLEX, 1.0, ink, thick, cv2.LINE_AA)
    fitted = cv2.resize(drawn, (wide - 8, high - 8), interpolation=cv2.INTER_AREA)
    picture[4 : high - 4, 4 : wide - 4] = fitted
    return picture


def number_plate(text: str, yellow: bool = False) -> Picture:
    """A Philippine plate: black characters on white (yellow: for hire), framed, 4:1.5."""
    ground = (60, 200, 250) if yellow else (250, 250, 250)
    picture = lettering(text, (25, 20, 20), ground, (192, 72)).copy()
    cv2.rectangle(picture, (2, 2), (189, 69), (90, 80, 80), 2)
    return picture


@cache
def shared_picture(name: str) -> Picture:
    """A badge ("badge/Honda"), lettering ("words/HINO/red/white") or route board; KeyError for an unknown kind."""
    kind, *rest = name.split("/")
    if kind == "words":
        text, ink, ground = rest
        return lettering(text, INKS[ink], INKS[ground], (max(80, 34 * len(text)), 52))
    if kind == "badge":
        return badges.draw(rest[0])
    raise KeyError(name)


INKS: dict[str, Bgr] = {
    "white": (245, 245, 245),
    "black": (18, 18, 18),
    "silver": (200, 198, 195),
    "red": (30, 25, 205),
    "blue": (170, 70, 20),
    "yellow": (40, 205, 250),
    "green": (70, 140, 30),
}

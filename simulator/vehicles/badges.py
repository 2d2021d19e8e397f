"""The makers' badges, drawn simply: as much as a roadside camera can distinguish."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
CHROME = (235, 235, 235)
DARK = (22, 22, 22)


def draw(make: str) -> Picture:
    """A make's badge, 64×96 BGR on black."""
    picture = np.full((64, 96, 3), DARK, np.uint8)
    _BADGES[make](picture)
    return picture


def _toyota(p: Picture) -> None:
    cv2.ellipse(p, (48, 32), (42, 27), 0, 0, 360, CHROME, 7, cv2.LINE_AA)
    cv2.ellipse(p, (48, 32), (14, 26), 0, 0, 360, CHROME, 6, cv2.LINE_AA)
    cv2.ellipse(p, (48, 22), (30, 11), 0, 0, 360, CHROME, 6, cv2.LINE_AA)


def _honda(p: Picture) -> None:
    cv2.rectangle(p, (16, 4), (80, 60), CHROME, 5)
    for x, lean in ((32, -4), (64, 4)):
        cv2.line(p, (x + lean, 12), (x, 54), CHROME, 9, cv2.LINE_AA)
    cv2.line(p, (32, 34), (64, 34), CHROME, 9)


def _mitsubishi(p: Picture) -> None:
    red = (25, 20, 215)
    for cx, cy in ((48, 16), (30, 47), (66, 47)):
        diamond = np.array([[cx, cy - 15], [cx + 17, cy], [cx, cy + 15], [cx - 17, cy]], np.int32)
        cv2.fillConvexPoly(p, diamond, red, cv2.LINE_AA)


def _nissan(p: Picture) -> None:
    cv2.circle(p, (48, 32), 27, CHROME, 6, cv2.LINE_AA)
    cv2.rectangle(p, (8, 25), (88, 39), CHROME, -1)


def _hyundai(p: Picture) -> None:
    cv2.ellipse(p, (48, 32), (42, 27), 0, 0, 360, CHROME, 5, cv2.LINE_AA)
    for x in (36, 58):
        cv2.line(p, (x + 5, 14), (x - 5, 50), CHROME, 8, cv2.LINE_AA)
    cv2.line(p, (34, 36), (60, 28), CHROME, 8, cv2.LINE_AA)


def _ford(p: Picture) -> None:
    cv2.ellipse(p, (48, 32), (45, 28), 0, 0, 360, (150, 60, 10), -1, cv2.LINE_AA)
    cv2.ellipse(p, (48, 32), (43, 26), 0, 0, 360, CHROME, 3, cv2.LINE_AA)
    cv2.putText(p, "Ford", (16, 42), cv2.FONT_HERSHEY_TRIPLEX, 0.9, CHROME, 2, cv2.LINE_AA)


def _yutong(p: Picture) -> None:
    cv2.circle(p, (48, 32), 27, CHROME, 5, cv2.LINE_AA)
    for radius in (18, 9):
        cv2.ellipse(p, (48, 34), (radius, radius), 0, 180, 360, CHROME, 5, cv2.LINE_AA)


def _star8(p: Picture) -> None:
    angles = np.radians(np.arange(16) * 22.5)
    reach = np.where(np.arange(16) % 2 == 0, 30, 13)
    star = np.column_stack([48 + reach * np.sin(angles), 32 - reach * np.cos(angles)]).astype(np.int32)
    cv2.fillPoly(p, [star], (40, 205, 250), cv2.LINE_AA)


_BADGES: dict[str, Callable[[Picture], None]] = {
    "Toyota": _toyota,
    "Honda": _honda,
    "Mitsubishi": _mitsubishi,
    "Nissan": _nissan,
    "Hyundai": _hyundai,
    "Ford": _ford,
    "Yutong": _yutong,
    "Star8": _star8,
}

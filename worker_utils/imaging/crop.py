"""Cuts vehicles out of frames, and measures sharpness. Pure; all images are BGR uint8."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""H×W×3, BGR."""

_SHARPNESS_PX = 128


def crop_with_margin(
    image: Image,
    box: tuple[float, float, float, float],
    margin: float,
    area: tuple[int, int, int, int] | None = None,
) -> Image:
    """The box (x1, y1, x2, y2 in px), enlarged on each side by `margin` of its size and clipped to the image.

    The margin, but not the box, is also clipped to the `area`. A copy, so that the crop does not keep the image in
    memory. ValueError if the box lies outside the image.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    dx, dy = margin * (x2 - x1), margin * (y2 - y1)
    low_x, low_y, high_x, high_y = area or (0, 0, width, height)
    left = max(0, math.floor(max(x1 - dx, min(x1, low_x))))
    top = max(0, math.floor(max(y1 - dy, min(y1, low_y))))
    right = min(width, math.ceil(min(x2 + dx, max(x2, high_x))))
    bottom = min(height, math.ceil(min(y2 + dy, max(y2, high_y))))
    if left >= right or top >= bottom:
        raise ValueError(f"box {box} has no pixel in an image of {width}×{height}")
    return image[top:bottom, left:right].copy()


def sharpness(image: Image) -> float:
    """Variance of the Laplacian of the grey image, resized to one size first: otherwise it would depend on the area.

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    same_size = cv2.resize(grey, (_SHARPNESS_PX, _SHARPNESS_PX), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(same_size, cv2.CV_64F).var())

"""Converts images to network input: float32 planes, red first, normalised by a lookup table per channel.

A pixel has 256 values, so a table holds the normalised value of each. The usual functions of OpenCV and NumPy read and
write the image several times and take three to six times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Tables = NDArray[np.float32]
"""3×256, red first."""


def normalisation_lut(mean: Sequence[float] = (0, 0, 0), std: Sequence[float] = (1, 1, 1)) -> Tables:
    """(value / 255 - mean) / std for each possible value; `mean` and `std` in the order red, green, blue."""
    shares = np.arange(256, dtype=np.float32) / np.float32(255)
    means, stds = (np.array(numbers, np.float32)[:, None] for numbers in (mean, std))
    return np.asarray((shares - means) / stds, np.float32)


def fill_chw(image: NDArray[np.uint8], lut: Tables, planes: NDArray[np.float32]) -> None:
    """Write `image` (H×W×3, BGR) into `planes` (3×H×W), which may be a view of a larger array.

    ValueError if the shapes do not match: OpenCV would silently write to another array.
    """
    if image.shape != (*planes.shape[1:], 3) or planes.dtype != np.float32:
        raise ValueError(f"an image {image.shape} does not fit into {planes.dtype} planes {planes.shape}")
    for channel, table, plane in zip(cv2.split(image)[::-1], lut, planes, strict=True):
        cv2.LUT(channel, table, dst=plane)

"""Pictures as networks take them: planes of float32, red first, each value looked up in its channel's table.

There are 256 values, so that a table says what scaling and normalising make of each; OpenCV's and NumPy's own ways
read and write the picture several times over and take three to six times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Tables = NDArray[np.float32]
"""3×256, red first."""


def tables(mean: Sequence[float] = (0, 0, 0), std: Sequence[float] = (1, 1, 1)) -> Tables:
    """(value / 255 - mean) / std of each possible value; `mean` and `std` are those of red, green, blue."""
    shares = np.arange(256, dtype=np.float32) / np.float32(255)
    means, stds = (np.array(numbers, np.float32)[:, None] for numbers in (mean, std))
    return np.asarray((shares - means) / stds, np.float32)


def write(picture: NDArray[np.uint8], looked_up: Tables, planes: NDArray[np.float32]) -> None:
    """`picture` (H×W×3, BGR) into `planes` (3×H×W), which may be a part of a larger array.

    ValueError where the two do not fit: OpenCV would write elsewhere and say nothing.
    """
    if picture.shape != (*planes.shape[1:], 3) or planes.dtype != np.float32:
        raise ValueError(f"a picture {picture.shape} does not go into {planes.dtype} planes {planes.shape}")
    for channel, table, plane in zip(cv2.split(picture)[::-1], looked_up, planes, strict=True):
        cv2.LUT(channel, table, dst=plane)

"""The area between the bars of a letterboxed snapshot. Pure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.snapshot_image import LETTERBOX_GREY, Image


def content_lines(snapshot: Image, *, tolerance: int, min_share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices of the rows and of the columns that have content.

    A pixel belongs to a bar if no channel differs from the grey of the bars by more than `tolerance`, since JPEG
    changes it slightly. A row or column has content if more than `min_share` of its pixels belong to no bar.
    """
    low, high = (np.full(3, LETTERBOX_GREY + offset) for offset in (-tolerance, tolerance))
    is_content = np.asarray(cv2.inRange(snapshot, low, high) == 0)
    height, width = is_content.shape
    rows = np.flatnonzero(np.count_nonzero(is_content, axis=1) > min_share * width)
    columns = np.flatnonzero(np.count_nonzero(is_content, axis=0) > min_share * height)
    return rows, columns

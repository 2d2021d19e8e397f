"""A contact sheet: every snapshot of a video with its labels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL_PX = 256
LINE_PX = 20
COLUMNS = 5
Image = NDArray[np.uint8]


def draw(pictures: Sequence[tuple[Image, Sequence[str]]]) -> Image:
    """Arrange (snapshot, lines of text) in rows of five, in order; a blank strip if there are none."""
    lines = max((len(text) for _, text in pictures), default=1)
    height = THUMBNAIL_PX + lines * LINE_PX + 8
    rows = max(1, -(-len(pictures) // COLUMNS))
    sheet = np.full((rows * height, COLUMNS * THUMBNAIL_PX, 3), 255, np.uint8)
    for place, (picture, text) in enumerate(pictures):
        top, left = place // COLUMNS * height, place % COLUMNS * THUMBNAIL_PX
        thumbnail = cv2.resize(picture, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        sheet[top : top + THUMBNAIL_PX, left : left + THUMBNAIL_PX] = thumbnail
        for number, line in enumerate(text):
            baseline = (left + 4, top + THUMBNAIL_PX + (number + 1) * LINE_PX - 4)
            cv2.putText(sheet, line, baseline, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet

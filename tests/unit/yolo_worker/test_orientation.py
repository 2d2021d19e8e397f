from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.yolo_worker.source.orientation import UPRIGHT, Orientation, orientation
from video_analysis.yolo_worker.source.picture import turned

ONE = 1 << 16
EIGHT = [(a, 0, 0, d) for a, d in product((1, -1), repeat=2)] + [(0, b, c, 0) for b, c in product((1, -1), repeat=2)]


def matrix(a: float, b: float, c: float, d: float) -> list[int]:
    return [round(ONE * a), round(ONE * b), 0, round(ONE * c), round(ONE * d), 0, 0, 0, 1 << 30]


@pytest.mark.parametrize(("a", "b", "c", "d"), EIGHT)
def test_each_point_of_the_picture_is_displayed_where_the_matrix_says(a: int, b: int, c: int, d: int) -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    shown = turned(image, orientation(matrix(a, b, c, d)))
    places = {(q, p): (a * p + c * q, b * p + d * q) for q in range(2) for p in range(3)}
    left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())
    for (q, p), (x, y) in places.items():
        assert (shown[y - top, x - left] == image[q, p]).all()
    assert shown.flags.c_contiguous


def test_a_picture_without_a_turn_is_not_copied() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    assert turned(image, UPRIGHT) is image
    assert orientation(matrix(1, 0, 0, 1)) == UPRIGHT


@given(degrees=st.floats(-44, 44), scale=st.floats(0.1, 10))
def test_a_slanted_matrix_is_the_nearest_right_angle(degrees: float, scale: float) -> None:
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    assert orientation(matrix(cos, sin, -sin, cos)) == UPRIGHT
    assert orientation(matrix(-sin, cos, -cos, -sin)) == Orientation(transpose=True, flip_x=True)


def test_a_quarter_turn_to_the_right_is_that_of_opencv() -> None:
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    expected = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    assert (turned(image, orientation(matrix(0, 1, -1, 0))) == expected).all()

from __future__ import annotations

import numpy as np

from video_analysis.yolo_worker.types import Frame

IMAGE = np.zeros((120, 200, 3), np.uint8)
LEFT, RIGHT = (10, 20, 100, 110), (100, 20, 190, 110)


def test_without_areas_the_whole_image_is_one() -> None:
    frame = Frame(0, 0, IMAGE)
    assert frame.extent == frame.area_of((5, 5, 9, 9)) == (0, 0, 200, 120)


def test_a_box_belongs_to_the_area_with_its_centre() -> None:
    frame = Frame(0, 0, IMAGE, (LEFT, RIGHT))
    assert frame.area_of((60, 30, 120, 60)) == LEFT
    assert frame.area_of((80, 30, 120, 60)) == RIGHT
    assert frame.area_of((0, 0, 10, 10)) == (0, 0, 200, 120)


def test_the_extent_encloses_all_areas() -> None:
    assert Frame(0, 0, IMAGE, (LEFT, RIGHT)).extent == (10, 20, 190, 110)

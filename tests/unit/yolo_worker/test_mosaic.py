"""The tiles of a mosaic are found; one scene is never divided."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from video_analysis.tests.support.scenes import framed, moving, scene, tiles
from video_analysis.yolo_worker.source import mosaic
from video_analysis.yolo_worker.source.active_area import Samples
from video_analysis.yolo_worker.types import Area, Image

WIDTH_PX, HEIGHT_PX = 480, 360
NAMES = ("4×4", "3×3", "1+7", "1+5", "2×2")
LAYOUTS = dict(zip(NAMES, mosaic.LAYOUTS, strict=True))


def areas(*images: Image) -> tuple[Area, ...]:
    samples = Samples()
    for image in images:
        samples.add(image)
    return mosaic.active_areas(samples)


def put_together(layout: mosaic.Layout, line_px: int = 0, blank: tuple[int, ...] = ()) -> tuple[Image, list[Area]]:
    """A mosaic with lines of this width between the tiles, half of it on each side; blank tiles are blue."""
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    places = tiles(layout, WIDTH_PX, HEIGHT_PX)
    half, shown = line_px // 2, []
    for number, (x1, y1, x2, y2) in enumerate(places):
        left, top = x1 + half * (x1 > 0), y1 + half * (y1 > 0)
        right, bottom = x2 - half * (x2 < WIDTH_PX), y2 - half * (y2 < HEIGHT_PX)
        if number in blank:
            image[top:bottom, left:right] = (120, 20, 10)
            cv2.putText(image, "NO VIDEO", (left + 8, top + 40), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
        else:
            image[top:bottom, left:right] = scene(right - left, bottom - top, seed=number + 1)
            shown.append((left, top, right, bottom))
    return image, shown


@pytest.mark.parametrize("line_px", [0, 2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_the_tiles_of_each_layout_are_found_with_and_without_lines(name: str, line_px: int) -> None:
    image, expected = put_together(LAYOUTS[name], line_px)
    found = areas(image, image)
    assert len(found) == len(expected)
    assert np.abs(np.subtract(found, expected)).max() <= 1


@pytest.mark.parametrize("blank", [(3,), (1, 2), (2, 3)])
def test_a_tile_without_a_camera_is_no_area(blank: tuple[int, ...]) -> None:
    image, expected = put_together(LAYOUTS["2×2"], blank=blank)
    assert list(areas(image, image)) == expected


def test_a_mosaic_may_have_bars_around_it() -> None:
    image, expected = put_together(LAYOUTS["2×2"])
    wide = framed(image, (100, 0, 60, 0))
    assert [(x1 - 100, y1, x2 - 100, y2) for x1, y1, x2, y2 in areas(wide, wide)] == expected


def test_one_scene_is_not_divided() -> None:
    assert areas(*moving(WIDTH_PX, HEIGHT_PX, 4)) == ()


def test_a_pole_in_the_middle_does_not_divide_a_scene() -> None:
    images = moving(WIDTH_PX, HEIGHT_PX, 4)
    for image in images:
        image[:, WIDTH_PX // 2 : WIDTH_PX // 2 + 6] = 10
    assert areas(*images) == ()


def test_a_pole_and_a_beam_that_cross_in_the_middle_but_end_within_the_picture_do_not_divide_a_scene() -> None:
    images = moving(WIDTH_PX, HEIGHT_PX, 4)
    for image in images:
        image[: HEIGHT_PX // 2, WIDTH_PX // 2 : WIDTH_PX // 2 + 6] = 10
        image[HEIGHT_PX // 2 : HEIGHT_PX // 2 + 6] = 10
    assert areas(*images) == ()


@pytest.mark.parametrize("size", [(1, 1), (16, 2), (60, 60)])
def test_a_small_picture_is_one_scene(size: tuple[int, int]) -> None:
    image = scene(*size)
    assert areas(image, image) == ()

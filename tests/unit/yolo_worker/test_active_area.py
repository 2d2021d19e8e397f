"""Bars around a picture are found, and dark or plain parts of a scene are not taken for bars."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from video_analysis.tests.support.scenes import framed, moving, scene
from video_analysis.yolo_worker.source import mosaic
from video_analysis.yolo_worker.source.active_area import Samples
from video_analysis.yolo_worker.types import Area, Image

WIDTH_PX, HEIGHT_PX, COUNT = 200, 120, 4
MOVING = moving(WIDTH_PX, HEIGHT_PX, COUNT)
BARS = st.one_of(st.just(0), st.integers(4, 60))


def areas(images: Iterable[Image]) -> tuple[Area, ...]:
    samples = Samples()
    for image in images:
        samples.add(image)
    return mosaic.active_areas(samples)


@given(left=BARS, top=BARS, right=BARS, bottom=BARS, colour=st.sampled_from([(0, 0, 0), (16, 16, 16), (130, 20, 10)]))
def test_bars_of_any_width_at_any_side_are_found(
    left: int, top: int, right: int, bottom: int, colour: tuple[int, int, int]
) -> None:
    found = areas(framed(image, (left, top, right, bottom), colour) for image in MOVING)
    expected = (left, top, left + WIDTH_PX, top + HEIGHT_PX)
    assert found == ((expected,) if left + top + right + bottom else ())


def test_white_bars_are_found() -> None:
    darker = [np.asarray(image // 2, np.uint8) for image in MOVING]
    assert areas(framed(image, (30, 0, 30, 0), (255, 255, 255)) for image in darker) == ((30, 0, 230, 120),)


def test_a_clock_may_be_written_into_a_bar() -> None:
    images = [framed(image, (0, 0, 0, 40)) for image in MOVING]
    for second, image in enumerate(images):
        cv2.putText(image, f"12:00:0{second}", (6, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    assert areas(images) == ((0, 0, WIDTH_PX, HEIGHT_PX),)


def test_the_codec_may_disturb_a_bar_beside_the_picture() -> None:
    images = [framed(image, (37, 0, 37, 0)) for image in MOVING]
    coded = [cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1) for image in images]
    ((left, top, right, bottom),) = areas(np.asarray(image, np.uint8) for image in coded)
    assert (top, bottom) == (0, HEIGHT_PX)
    assert [left, right] == pytest.approx([37, 37 + WIDTH_PX], abs=1)


@given(noise=st.floats(0, 6), level=st.integers(0, 24), seed=st.integers(0, 99))
@example(noise=2.0, level=5, seed=34)
def test_a_dark_road_with_moving_lights_has_no_bars(noise: float, level: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = []
    for index in range(COUNT):
        image = np.full((HEIGHT_PX, WIDTH_PX, 3), level, np.float32) + random.normal(0, noise, (HEIGHT_PX, WIDTH_PX, 3))
        cv2.circle(image, (60 + 20 * index, 70), 5, (255, 255, 255), -1)
        images.append(np.clip(image, 0, 255).astype(np.uint8))
    assert areas(images) == ()


def test_a_black_sky_above_an_uneven_horizon_is_no_bar() -> None:
    horizon = 40 + 8 * np.sin(np.arange(WIDTH_PX) / 9)
    is_sky = np.arange(HEIGHT_PX)[:, None] < horizon
    assert areas(np.where(is_sky[..., None], 0, image).astype(np.uint8) for image in MOVING) == ()


def test_a_dim_road_beside_a_straight_kerb_is_no_bar() -> None:
    """It has hardly any structure, but more than a bar."""
    road = scene(WIDTH_PX, 50)[..., :1] // 60 + 16
    images = [np.vstack([np.repeat(road, 3, axis=2), image[50:]]) for image in MOVING]
    assert areas(images) == ()
    assert areas(np.vstack([np.full_like(image[:50], 18), image[50:]]) for image in images) == ((0, 50, 200, 120),)


@pytest.mark.parametrize("lean", [0, 25])
def test_a_fence_at_the_side_is_no_bar(lean: int) -> None:
    """An upright one has light and shade; a plain one leans."""
    images = [image.copy() for image in MOVING]
    for image in images:
        cv2.fillPoly(image, [np.array([(0, 0), (40, 0), (40 - lean, HEIGHT_PX), (0, HEIGHT_PX)])], (20, 20, 20))
        if not lean:
            image[:, :40] = np.linspace(20, 60, HEIGHT_PX)[:, None, None]
    assert areas(images) == ()


def test_a_blurred_copy_of_the_picture_at_the_sides_is_no_bar() -> None:
    images = []
    for image in MOVING:
        wide = cv2.GaussianBlur(cv2.resize(image, (WIDTH_PX + 120, HEIGHT_PX)), (0, 0), 9)
        wide[:, 60:-60] = image
        images.append(np.asarray(wide, np.uint8))
    assert areas(images) == ()


def test_a_side_that_shows_something_in_one_sample_is_no_bar() -> None:
    images = [framed(image, (40, 0, 40, 0)) for image in MOVING]
    wide = scene(WIDTH_PX + 80, HEIGHT_PX)
    assert areas(images) == ((40, 0, 240, 120),)
    images[2][:, :40] = wide[:, :40]
    assert areas(images) == ((0, 0, 240, 120),)


@pytest.mark.parametrize("images", [[], [framed(MOVING[0], (40, 0, 40, 0))], [np.zeros((90, 160, 3), np.uint8)] * 4])
def test_without_pictures_to_compare_or_without_a_scene_all_is_active(images: list[Image]) -> None:
    assert areas(images) == ()


def test_a_picture_of_another_size_is_ignored() -> None:
    images = [framed(image, (40, 0, 40, 0)) for image in MOVING]
    assert areas([images[0], MOVING[1], *images[1:]]) == ((40, 0, 240, 120),)

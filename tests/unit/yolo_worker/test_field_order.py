"""Interlaced video is detected by its motion; progressive video with fine lines, text, noise or flicker is not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from video_analysis.yolo_worker.source.field_order import MOST_PAIRS, MOST_VOTERS, FieldOrderDetector, Luma

HEIGHT_PX, WIDTH_PX = 144, 176
RNG = np.random.default_rng(1)


def canvas(kind: str) -> Luma:
    """A picture larger than the frame."""
    picture = np.full((400, 400), 20, np.uint8)
    if kind == "detail":
        blurred = cv2.GaussianBlur(RNG.integers(0, 255, picture.shape).astype(np.uint8), (0, 0), 1.5)
        picture[:] = cv2.normalize(blurred, blurred.copy(), 0, 255, cv2.NORM_MINMAX)
    elif kind == "text":
        for row in range(12, 400, 20):
            cv2.putText(picture, "CAM 1 gate 2026-11-28 " * 2, (5, row), cv2.FONT_HERSHEY_PLAIN, 0.8, 230, 1)
    else:
        period = {"stripes": 2, "fence": 4}[kind]
        for line in range(period // 2):
            picture[line::period] = 255
    return picture


def window(picture: Luma, x: int, y: int) -> Luma:
    return picture[y : y + HEIGHT_PX, x : x + WIDTH_PX]


CANVASES = {kind: canvas(kind) for kind in ("detail", "text", "stripes", "fence")}
Scene = Callable[[int], Luma]
"""The picture at an instant."""


def panned(kind: str, dx: int, dy: int) -> Scene:
    return lambda index: window(CANVASES[kind], abs(dx * index) % 200, abs(dy * index) % 200)


def with_vehicle(kind: str, step: int) -> Scene:
    def scene(index: int) -> Luma:
        picture = window(CANVASES[kind], 0, 0).copy()
        left = (5 + step * index) % 120
        picture[40:100, left : left + 50] = CANVASES["detail"][:60, :50]
        return picture

    return scene


def order_of(scene: Scene, frames: int = 40) -> str | None:
    detector = FieldOrderDetector()
    for index in range(frames):
        detector.observe(scene(index))
    return detector.order


def noisy(index: int) -> Luma:
    noise = np.random.default_rng(index).normal(0, 15, (HEIGHT_PX, WIDTH_PX))
    return np.clip(window(CANVASES["detail"], 0, 0) / 2 + noise, 0, 255).astype(np.uint8)


def flickering(index: int) -> Luma:
    return (window(CANVASES["detail"], 0, 0) * (0.7 + 0.3 * (index % 2))).astype(np.uint8)


def banded(index: int) -> Luma:
    """A mains frequency beat: bands that move down."""
    bands = 0.7 + 0.3 * np.sin((np.arange(HEIGHT_PX)[:, None] + 7 * index) / 9)
    picture: Luma = (window(CANVASES["detail"], 0, 0) * bands).astype(np.uint8)
    return picture


@pytest.mark.parametrize("kind", CANVASES)
@pytest.mark.parametrize(("dx", "dy"), [(4, 0), (1, 0), (0, 1), (0, 2), (0, 3), (3, 1), (5, 2)])
def test_a_camera_that_moves_over_fine_detail_is_progressive(kind: str, dx: int, dy: int) -> None:
    assert order_of(panned(kind, dx, dy)) is None


@pytest.mark.parametrize("kind", CANVASES)
def test_a_vehicle_in_front_of_fine_lines_is_progressive(kind: str) -> None:
    assert order_of(with_vehicle(kind, 4)) is None


@pytest.mark.parametrize("scene", [noisy, flickering, banded])
def test_noise_and_flicker_are_progressive(scene: Scene) -> None:
    assert order_of(scene) is None


@pytest.mark.parametrize("kind", ["detail", "text"])
@pytest.mark.parametrize(("first_field", "order"), [(0, "tff"), (1, "bff")])
def test_interlaced_motion_is_detected_with_its_order(kind: str, first_field: int, order: str) -> None:
    scene = with_vehicle(kind, 2)

    def interlaced(index: int) -> Luma:
        picture = scene(2 * index).copy()
        picture[1 - first_field :: 2] = scene(2 * index + 1)[1 - first_field :: 2]
        return picture

    assert order_of(interlaced, 20) == order


def test_the_measurement_ends_where_nothing_moves_or_much_moves() -> None:
    still, moving = FieldOrderDetector(), FieldOrderDetector()
    for _ in range(MOST_PAIRS + 1):
        assert not still.is_decided
        still.observe(window(CANVASES["detail"], 0, 0))
    assert still.is_decided
    for index in range(MOST_VOTERS + 1):
        assert not moving.is_decided
        moving.observe(panned("detail", 4, 0)(index))
    assert moving.is_decided


def test_a_frame_of_odd_height_or_one_line_is_measured() -> None:
    detector = FieldOrderDetector()
    for height in (3, 1):
        detector = FieldOrderDetector()
        for index in range(3):
            detector.observe(np.full((height, 2), 100 * (index % 2), np.uint8))
    assert detector.order is None

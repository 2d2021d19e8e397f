"""The camera's shift is measured by what is outside the boxes, and vehicles do not change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from video_analysis.yolo_worker.tracking.camera_shift import with_shift
from video_analysis.yolo_worker.types import DetectedFrame, Frame, Image

WIDTH_PX, HEIGHT_PX = 640, 360
Shifts = Sequence[tuple[float, float]]


def scene() -> Image:
    """A picture with structure, larger than the frame."""
    noise = np.random.default_rng(5).integers(0, 255, (60, 100, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (1000, 600), interpolation=cv2.INTER_CUBIC), np.uint8)


SCENE = scene()


def film(shifts: Shifts, *, vehicle_step: float = 0) -> Iterator[DetectedFrame]:
    """The scene, shifted right and down, with a dark vehicle that moves."""
    for index, (right, down) in enumerate(shifts):
        left, top = 180 - round(right), 120 - round(down)
        image = SCENE[top : top + HEIGHT_PX, left : left + WIDTH_PX].copy()
        x = 100 + vehicle_step * index
        image[150:250, round(x) : round(x) + 160] = 20
        box = np.array([[x, 150, x + 160, 250, 0.9, 0]], np.float32)
        yield DetectedFrame(Frame(index, 40 * index, image), box)


def measured(frames: Iterator[DetectedFrame]) -> Shifts:
    return [detected.shift for detected in with_shift(frames)]


def test_a_shaking_camera_is_followed() -> None:
    shifts = [(12 * np.sin(index / 3), 8 * np.cos(index / 4) - 8) for index in range(60)]
    np.testing.assert_allclose(measured(film(shifts)), shifts, atol=2.5)


def test_a_pan_over_several_reference_frames_is_followed() -> None:
    shifts = [(-1.5 * index, 0.5 * index) for index in range(100)]
    np.testing.assert_allclose(measured(film(shifts)), shifts, atol=4)


@pytest.mark.parametrize("vehicle_step", [0, 4])
def test_a_fixed_camera_has_no_shift_while_a_vehicle_drives_past(vehicle_step: float) -> None:
    assert set(measured(film([(0, 0)] * 60, vehicle_step=vehicle_step))) == {(0.0, 0.0)}


def test_a_picture_without_structure_has_no_shift() -> None:
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
    frames = (DetectedFrame(Frame(index, 40 * index, image), np.zeros((0, 6), np.float32)) for index in range(40))
    assert set(measured(frames)) == {(0.0, 0.0)}


def test_a_new_frame_size_starts_at_no_shift() -> None:
    shifts = [(float(index), 0.0) for index in range(30)]
    small = [
        DetectedFrame(
            one.frame.__class__(30 + index, 1200 + 40 * index, np.ascontiguousarray(one.frame.image[:180])), one.boxes
        )
        for index, one in enumerate(film(shifts[:3]))
    ]
    found = measured(iter([*film(shifts), *small]))
    assert found[29][0] == pytest.approx(29, abs=2)
    assert found[30] == (0.0, 0.0)

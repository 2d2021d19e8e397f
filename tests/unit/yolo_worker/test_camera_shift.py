"""The camera's shift is measured by what is outside the boxes, and vehicles do not change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from video_analysis.yolo_worker.tracking.camera_shift import with_shift
from video_analysis.yolo_worker.types import CameraMotion, DetectedFrame, Frame, Image, LazyPicture

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


class Memory:
    """The motion of the first frames, from an earlier reading."""

    def __init__(self, known: Sequence[CameraMotion], kept: list[CameraMotion]) -> None:
        self._known = iter(known)
        self._kept = kept

    def motion(self) -> CameraMotion | None:
        motion = next(self._known, None)
        if motion is not None:
            self._kept.append(motion)
        return motion

    def keep_motion(self, motion: CameraMotion) -> None:
        self._kept.append(motion)


@pytest.mark.parametrize("known", [1, 7, 25, 26, 27, 59, 60])
def test_after_known_shifts_the_next_ones_are_measured_as_without(known: int) -> None:
    """A reference frame is 25 frames old at most, also if its own shift was known."""
    shifts = [(12 * np.sin(index / 3), 8 * np.cos(index / 4) - 8) for index in range(60)]
    whole, again, made = list[CameraMotion](), list[CameraMotion](), list[int]()
    list(with_shift(film(shifts), Memory([], whole)))

    def lazily(detected: DetectedFrame) -> DetectedFrame:
        frame = detected.frame

        def make() -> Image:
            made.append(frame.index)
            return frame.image

        return replace(detected, frame=replace(frame, picture=LazyPicture(frame.size_px, make)))

    found = [one.shift for one in with_shift(map(lazily, film(shifts)), Memory(whole[:known], again))]
    assert again == whole
    assert found == [motion.shift for motion in whole]
    reference = [] if known == 60 else [(known - 1) // 25 * 25]
    assert sorted(made) == [*reference, *range(known, 60)], "of the known frames, only the reference has a picture"


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

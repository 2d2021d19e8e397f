"""Pictures as planes: to the bit what the plain formula gives, wherever they are written."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.inference import preprocess


@pytest.fixture
def picture() -> Image:
    return np.random.default_rng(4).integers(0, 256, (7, 5, 3)).astype(np.uint8)


def test_each_channel_is_normalised_by_its_own_numbers_red_first(picture: Image) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.2)
    written = np.empty((3, 7, 5), np.float32)
    preprocess.write(picture, preprocess.normalisation_lut(mean, std), written)
    shares = picture[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    columns = [np.array(numbers, np.float32).reshape(3, 1, 1) for numbers in (mean, std)]
    np.testing.assert_array_equal(written, (shares - columns[0]) / columns[1])


def test_shares_are_those_of_opencvs_own_blob(picture: Image) -> None:
    written = np.empty((3, 7, 5), np.float32)
    preprocess.write(picture, preprocess.normalisation_lut(), written)
    np.testing.assert_array_equal(written, cv2.dnn.blobFromImage(picture, 1 / 255, swapRB=True)[0])


@pytest.mark.parametrize("width", [1, 4, 5])
def test_a_part_of_a_larger_array_is_filled_and_nothing_beside_it(picture: Image, width: int) -> None:
    canvas = np.full((3, 20, 11), -1, np.float32)
    preprocess.write(picture[:, :width], preprocess.normalisation_lut(), canvas[:, 6:13, 3 : 3 + width])
    assert (canvas[:, 6:13, 3 : 3 + width] >= 0).all()
    canvas[:, 6:13, 3 : 3 + width] = -1
    assert (canvas == -1).all()


@pytest.mark.parametrize(("shape", "kind"), [((3, 7, 6), np.float32), ((3, 5, 7), np.float32), ((3, 7, 5), np.float64)])
def test_planes_that_do_not_fit_are_refused(picture: Image, shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(ValueError, match="does not go into"):
        preprocess.write(picture, preprocess.normalisation_lut(), np.zeros(shape, kind))

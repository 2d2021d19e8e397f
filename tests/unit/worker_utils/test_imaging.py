from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from video_analysis.worker_utils.errors import BadSnapshot, ErrorCode
from video_analysis.worker_utils.imaging.crop import crop_with_margin, sharpness
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot
from video_analysis.worker_utils.imaging.letterbox import LETTERBOX_GREY, encode_snapshot, letterbox

JPEG = "image/jpeg"
SEED = 7


def textured(width: int, height: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(SEED).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), np.uint8)


def encoded(image: NDArray[np.uint8], *options: int, ending: str = ".jpg") -> bytes:
    return bytes(cv2.imencode(ending, image, list(options))[1])


@contextmanager
def refused(code: ErrorCode, match: str) -> Iterator[None]:
    """The block is refused with this code and reason."""
    with pytest.raises(BadSnapshot, match=match) as refusal:
        yield
    assert refusal.value.code == code


@pytest.fixture(scope="module")
def whole() -> bytes:
    return encode_snapshot(textured(300, 200), 92)


def test_a_crop_is_the_box_with_its_margin() -> None:
    image = textured(100, 80)
    crop = crop_with_margin(image, (20, 30, 60, 50), 0.1)
    assert np.array_equal(crop, image[28:52, 16:64])


def test_a_crop_takes_every_pixel_that_the_box_touches() -> None:
    assert crop_with_margin(textured(100, 80), (10.9, 10.1, 20.1, 20.9), 0).shape == (11, 11, 3)


def test_a_crop_ends_at_the_edge_of_the_picture() -> None:
    image = textured(100, 80)
    assert np.array_equal(crop_with_margin(image, (-5, -5, 200, 200), 0.5), image)


def test_a_crop_keeps_nothing_of_the_picture_alive() -> None:
    image = textured(100, 80)
    crop = crop_with_margin(image, (0, 0, 10, 10), 0)
    assert crop.base is None
    assert not np.shares_memory(crop, image)


def test_a_box_outside_the_picture_has_no_crop() -> None:
    with pytest.raises(ValueError, match="no pixel in an image of 100×80"):
        crop_with_margin(textured(100, 80), (200, 10, 220, 30), 0.1)


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    corners=st.tuples(*[st.floats(-50, 450)] * 4),
    margin=st.floats(0, 1),
)
def test_a_crop_holds_the_visible_box_and_no_more_than_its_margin(
    width: int, height: int, corners: tuple[float, float, float, float], margin: float
) -> None:
    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    seen_width, seen_height = min(x2, width) - max(x1, 0), min(y2, height) - max(y1, 0)
    if seen_width <= 0 or seen_height <= 0:
        return
    crop = crop_with_margin(np.zeros((height, width, 3), np.uint8), (x1, y1, x2, y2), margin)
    assert seen_height <= crop.shape[0] <= min(height, (y2 - y1) * (1 + 2 * margin) + 2)
    assert seen_width <= crop.shape[1] <= min(width, (x2 - x1) * (1 + 2 * margin) + 2)


@pytest.mark.parametrize(("width", "height"), [*product((1, 37, 640, 1500), repeat=2)])
def test_a_letterboxed_picture_keeps_its_aspect_between_grey_bars(width: int, height: int) -> None:
    square = letterbox(np.full((height, width, 3), 255, np.uint8))
    assert square.shape == (640, 640, 3)
    assert square.dtype == np.uint8
    rows, columns = np.nonzero((square == 255).all(axis=2))
    inner_width, inner_height = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    assert max(inner_width, inner_height) == 640
    assert inner_width / inner_height == pytest.approx(width / height, rel=0.02) or 1 in (inner_width, inner_height)
    assert abs((640 - inner_width) - 2 * int(columns.min())) <= 1
    assert abs((640 - inner_height) - 2 * int(rows.min())) <= 1
    assert (square[(square != 255).any(axis=2)] == LETTERBOX_GREY).all()


def test_a_picture_of_the_right_size_goes_through_the_letterbox_unchanged() -> None:
    image = textured(640, 640)
    assert np.array_equal(letterbox(image), image)


def test_a_fine_pattern_is_averaged_when_it_shrinks() -> None:
    checkers = np.indices((1920, 1920)).sum(axis=0) % 2 * 255
    shrunk = letterbox(np.repeat(checkers[:, :, None], 3, axis=2).astype(np.uint8))
    assert np.abs(shrunk - 127.5).max() < 20


def test_equal_pictures_give_equal_bytes() -> None:
    assert encode_snapshot(textured(300, 200), 92) == encode_snapshot(textured(300, 200), 92)


def test_sharpness_falls_with_blur_and_not_with_size() -> None:
    sharp = cv2.resize(textured(64, 64), (512, 512), interpolation=cv2.INTER_NEAREST)
    blurred = cv2.GaussianBlur(sharp, (41, 41), 0)
    half = cv2.resize(sharp, (256, 256), interpolation=cv2.INTER_AREA)
    assert sharpness(sharp) > 3 * sharpness(blurred)
    assert sharpness(half) == pytest.approx(sharpness(sharp), rel=0.1)
    assert sharpness(np.full((20, 20, 3), 90, np.uint8)) == 0


def test_what_is_written_is_accepted_and_looks_the_same(whole: bytes) -> None:
    image = check_snapshot(whole, JPEG)
    assert image.shape == (640, 640, 3)
    difference = np.abs(image.astype(int) - letterbox(textured(300, 200)))
    assert difference.mean() < 4


@pytest.mark.parametrize("content_type", ["image/jpeg", "IMAGE/JPEG", "image/jpeg; charset=binary"])
def test_a_content_type_may_be_written_in_any_way(whole: bytes, content_type: str) -> None:
    assert check_snapshot(whole, content_type).shape == (640, 640, 3)


@pytest.mark.parametrize("content_type", ["", "image/png", "application/octet-stream", "image/jpegx"])
def test_another_content_type_is_refused(whole: bytes, content_type: str) -> None:
    with refused("wrong_content_type", match="Content-Type is"):
        check_snapshot(whole, content_type)


def test_a_progressive_picture_with_a_comment_and_padding_is_accepted() -> None:
    data = encoded(textured(640, 640), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    commented = data[:2] + b"\xff\xfe\x00\x08SOF\xff\xc0\x00" + data[2:] + bytes(20)
    assert check_snapshot(commented, JPEG).shape == (640, 640, 3)


@pytest.mark.parametrize(("width", "height"), [(639, 640), (640, 641), (64, 64), (1280, 720)])
def test_another_size_is_refused(width: int, height: int) -> None:
    with refused("wrong_size", match=f"is {width}×{height}×3 of 8 bits, not 640×640×3"):
        check_snapshot(encoded(textured(width, height)), JPEG)


def test_a_grey_picture_is_refused() -> None:
    with refused("wrong_size", match="is 640×640×1 of 8 bits"):
        check_snapshot(encoded(textured(640, 640)[:, :, 0]), JPEG)


def test_a_size_of_four_gigapixels_is_refused_by_the_header_alone(whole: bytes) -> None:
    at = whole.index(b"\xff\xc0")
    bomb = whole[: at + 5] + b"\xff\xff\xff\xff" + whole[at + 9 :]
    with refused("wrong_size", match="is 65535×65535×3"):
        check_snapshot(bomb, JPEG)


def test_a_picture_of_endless_scans_is_refused() -> None:
    data = encoded(textured(640, 640), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    last = data.rindex(b"\xff\xda")
    with refused("unsupported_jpeg", match="more than 64 scans"):
        check_snapshot(data[:-2] + data[last:-2] * 100 + data[-2:], JPEG)


def test_a_very_long_body_is_refused(whole: bytes) -> None:
    with refused("object_too_large", match="bytes long"):
        check_snapshot(whole + bytes(LARGEST_SNAPSHOT_BYTES), JPEG)


def test_a_lossless_jpeg_is_refused(whole: bytes) -> None:
    with refused("unsupported_jpeg", match="neither a baseline nor a progressive"):
        check_snapshot(whole.replace(b"\xff\xc0", b"\xff\xc3", 1), JPEG)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(5000), encoded(textured(640, 640), ending=".png")])
def test_what_is_no_jpeg_is_refused(content: bytes) -> None:
    with refused("not_a_jpeg", match="is not a JPEG"):
        check_snapshot(content, JPEG)


@pytest.mark.parametrize("progressive", [0, 1])
@given(share=st.floats(0.0001, 0.9999))
def test_no_truncated_picture_is_accepted(progressive: int, share: float) -> None:
    data = _SNAPSHOTS[progressive]
    with pytest.raises(BadSnapshot):
        check_snapshot(data[: int(len(data) * share)], JPEG)


_SNAPSHOTS = [encoded(textured(640, 640), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive) for progressive in (0, 1)]


@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_check_stumble(data: bytes) -> None:
    for start in (b"", b"\xff\xd8", _SNAPSHOTS[0][:600]):
        with pytest.raises(BadSnapshot):
            check_snapshot(start + data, JPEG)

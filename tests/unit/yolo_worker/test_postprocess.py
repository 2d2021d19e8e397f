"""Letterboxing to the network input and back, and which boxes are kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import Letterbox, candidates, overlaps, suppress
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes

CAR, TRUCK, MOTORCYCLE = (YOLO_TYPES.index(name) for name in ("Car", "LightTruck", "Motorcycle"))
PERSON = 0
COCO = {2: CAR, 3: MOTORCYCLE, 7: TRUCK}


def boxes(*rows: tuple[float, ...]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 6)


def prediction(*rows: tuple[float, float, float, float, int, float]) -> NDArray[np.float32]:
    """A YOLO head's output for boxes given as corners, class and score; all other classes score 0.01."""
    output = np.full((84, len(rows)), 0.01, np.float32)
    for anchor, (x1, y1, x2, y2, kind, confidence) in enumerate(rows):
        output[:4, anchor] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        output[4 + kind, anchor] = confidence
    return output


@pytest.mark.parametrize(
    ("height", "width", "input_height", "input_width"),
    [
        (720, 1280, 384, 640),
        (352, 640, 352, 640),
        (1280, 720, 640, 384),
        (640, 640, 640, 640),
        (100, 1920, 64, 640),
        (24, 32, 480, 640),
    ],
)
def test_the_long_side_is_640_and_both_are_multiples_of_32(
    height: int, width: int, input_height: int, input_width: int
) -> None:
    fit = Letterbox.fit((height, width, 3), 640)
    assert (fit.height_px, fit.width_px) == (input_height, input_width)
    assert fit.apply([np.zeros((height, width, 3), np.uint8)]).shape == (1, 3, input_height, input_width)


@pytest.mark.parametrize("shape", [(720, 1280), (300, 1000), (352, 640), (90, 61)])
@pytest.mark.parametrize("fixed", [(-1, -1), (640, 640), (320, 640)])
def test_a_box_in_the_input_maps_to_the_position_of_the_object_in_the_frame(
    shape: tuple[int, int], fixed: tuple[int, int]
) -> None:
    height, width = shape
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = width // 4, height // 3, width // 2, height * 2 // 3
    image[y1:y2, x1:x2] = (0, 0, 255)
    fit = Letterbox.fit(image.shape, 640, fixed)
    planes = fit.apply([image])[0]
    red = planes[0] - planes[2] > 0.5
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    found = fit.undo(boxes((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, 0.5, CAR)), image.shape)
    pixel = max(1.0, 1 / fit.scale)
    np.testing.assert_allclose(found[0, :4], (x1, y1, x2, y2), atol=1.5 * pixel)


def test_the_input_is_rgb_between_zero_and_one() -> None:
    image = np.full((32, 32, 3), (255, 0, 51), np.uint8)
    planes = Letterbox.fit(image.shape, 32).apply([image])[0]
    assert planes.dtype == np.float32
    np.testing.assert_allclose(planes[:, 5, 5], (0.2, 0, 1), atol=1e-6)


def test_boxes_past_the_edge_are_clipped_to_the_frame() -> None:
    fit = Letterbox.fit((720, 1280, 3), 640)
    found = fit.undo(boxes((-30, -30, 700, 400, 0.5, CAR)), (720, 1280, 3))
    np.testing.assert_array_equal(found[0], np.array((0, 0, 1280, 720, 0.5, CAR), np.float32))


def test_candidates_are_the_confident_vehicles_as_corners_and_types() -> None:
    output = prediction(
        (10, 20, 50, 40, 2, 0.9), (60, 20, 90, 70, PERSON, 0.9), (5, 5, 9, 9, 7, 0.3), (0, 0, 4, 4, 3, 0.2)
    )
    np.testing.assert_allclose(
        candidates(output, COCO, 0.25), [(10, 20, 50, 40, 0.9, CAR), (5, 5, 9, 9, 0.3, TRUCK)], atol=1e-5
    )


def test_a_pedestrian_before_a_car_does_not_suppress_it() -> None:
    output = prediction((10, 10, 50, 50, PERSON, 0.95), (11, 11, 51, 51, 2, 0.5))
    left = suppress(candidates(output, COCO, 0.25), 0.5, 0.8)
    assert left[:, 5].tolist() == [CAR]


def test_the_output_of_a_network_with_built_in_nms_is_used() -> None:
    output = np.array([(10, 20, 50, 40, 0.9, 2), (60, 20, 90, 70, 0.9, PERSON), (0, 0, 0, 0, 0, 0)], np.float32)
    np.testing.assert_allclose(candidates(output, COCO, 0.25), [(10, 20, 50, 40, 0.9, CAR)])


def test_no_detection_gives_an_array_of_shape_0_by_6() -> None:
    none = candidates(prediction((0, 0, 9, 9, PERSON, 0.9)), COCO, 0.25)
    assert none.shape == suppress(none, 0.5, 0.8).shape == (0, 6)


def test_a_car_also_detected_as_a_truck_is_one_vehicle_with_the_more_confident_type() -> None:
    left = suppress(boxes((10, 10, 110, 60, 0.6, TRUCK), (12, 11, 112, 61, 0.7, CAR)), 0.5, 0.8)
    np.testing.assert_array_equal(left, boxes((12, 11, 112, 61, 0.7, CAR)))


def test_a_part_of_a_car_detected_as_a_car_is_no_second_vehicle() -> None:
    left = suppress(boxes((10, 10, 110, 60, 0.7, CAR), (15, 15, 50, 58, 0.6, CAR)), 0.5, 0.8)
    assert left[:, 4].tolist() == pytest.approx([0.7])


def test_a_motorcycle_in_front_of_a_car_is_kept() -> None:
    left = suppress(boxes((10, 10, 110, 90, 0.7, CAR), (40, 30, 70, 88, 0.6, MOTORCYCLE)), 0.5, 0.8)
    assert left[:, 5].tolist() == [CAR, MOTORCYCLE]


def test_all_of_many_boxes_are_processed() -> None:
    many = boxes(*((20 * x, 20 * y, 20 * x + 15, 20 * y + 15, 0.5, CAR) for x in range(30) for y in range(30)))
    twice = np.concatenate([many, many + np.array([1, 1, 1, 1, -0.1, 0], np.float32)])
    np.testing.assert_array_equal(suppress(twice, 0.5, 0.8), many)


def test_overlap_is_shared_area_over_joint_area() -> None:
    one = np.array([(0, 0, 10, 10), (0, 0, 0, 0)], np.float32)
    other = np.array([(5, 0, 15, 10), (0, 0, 10, 10), (20, 20, 30, 30), (3, 3, 3, 3)], np.float32)
    np.testing.assert_allclose(overlaps(one, other), [(1 / 3, 1, 0, 0), (0, 0, 0, 0)])

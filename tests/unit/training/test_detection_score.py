"""mAP50 on stills where only near vehicles are labelled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.training.detection_score import countable, score
from video_analysis.training.label_groups import CARS, LORRIES, Group
from video_analysis.training.labelled_picture import LABELS, LabelledPicture, Unlabelled
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes

NEAR = (100, 200, 180, 260)
FAR = (300, 80, 330, 100)
Corners = tuple[float, float, float, float]


def picture(*labelled: tuple[Group, Corners], unlabelled: Unlabelled | None = None) -> LabelledPicture:
    labels = np.array([LABELS.index(group) for group, _ in labelled], np.int64)
    boxes = np.array([box for _, box in labelled], np.float32).reshape(-1, 4)
    blank = np.zeros((360, 640, 3), np.uint8)
    return LabelledPicture(lambda: blank, labels, boxes, unlabelled or Unlabelled())


def found(*detections: tuple[YoloType, float, Corners]) -> Boxes:
    rows = [(*box, confidence, YOLO_TYPES.index(kind)) for kind, confidence, box in detections]
    table: NDArray[np.float32] = np.array(rows, np.float32).reshape(-1, 6)
    return table


@pytest.mark.parametrize(("kind", "mean"), [("Car", 1.0), ("SUV", 1.0), ("Van", 0.0), ("E-Jeepney", 0.0)])
def test_each_type_of_the_label_s_group_is_right_and_no_other(kind: YoloType, mean: float) -> None:
    result = score([found((kind, 0.9, NEAR))], [picture((CARS, NEAR))])
    assert (result.map50, result.map50_of_one_type) == (mean, 1.0)
    assert (result.stills, result.vehicles) == (1, 1)


def test_the_mean_is_over_the_labels_that_occur() -> None:
    result = score([found(("Car", 0.9, NEAR))], [picture((CARS, NEAR), (LORRIES, FAR))])
    assert result.by_label == {"car": 1.0, "lorry_truck": 0.0}
    assert (result.map50, result.map50_of_one_type) == (0.5, 0.5)


def test_a_surer_false_alarm_costs_precision_where_every_vehicle_is_labelled() -> None:
    boxes = found(("Car", 0.9, NEAR), ("Car", 0.95, FAR))
    assert score([boxes], [picture((CARS, NEAR))]).map50_of_one_type == 0.5


def test_a_detection_counts_neither_way_beyond_the_furthest_vehicle_or_if_it_is_smaller() -> None:
    still = picture((CARS, NEAR), unlabelled=Unlabelled(above_px=260, smaller_px2=4800))
    beyond, smaller, near = (300, 150, 400, 259.5), (0, 270, 60, 340), (300, 150, 400, 261)
    boxes = found(("Car", 0.9, NEAR), ("Car", 0.95, beyond), ("Car", 0.95, smaller), ("Car", 0.95, near))
    assert countable(boxes, still)[:, :4].tolist() == [[*NEAR], [*near]]
    assert score([boxes], [still]).map50_of_one_type == 0.5


def test_a_detection_on_a_labelled_box_counts_wherever_it_is() -> None:
    still = picture((CARS, FAR), (CARS, NEAR), unlabelled=Unlabelled(above_px=100, smaller_px2=600))
    boxes = found(("Van", 0.9, (301, 80, 330, 99)), ("Car", 0.8, NEAR))
    assert len(countable(boxes, still)) == 2
    assert score([boxes], [still]).by_label == {"car": 0.5}


def test_nothing_found_is_a_score_of_zero() -> None:
    assert score([found()], [picture((CARS, NEAR))]).map50_of_one_type == 0.0


def test_vehicles_below_a_least_size_are_optional_and_detections_of_that_size_left_out() -> None:
    still = picture((CARS, NEAR), (CARS, FAR))
    boxes = found(("Car", 0.8, NEAR), ("Car", 0.9, FAR), ("Car", 0.95, (10, 10, 60, 29)))
    assert score([boxes], [still]).map50_of_one_type == 0.6667
    result = score([boxes], [still], least_px=21)
    assert (result.vehicles, result.map50_of_one_type) == (1, 1.0)

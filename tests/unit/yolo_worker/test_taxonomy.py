from __future__ import annotations

import pytest

from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES, class_map

COCO = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 4: "airplane", 5: "bus", 6: "train", 7: "truck"}


def test_coco_classes_become_our_types_and_the_others_are_dropped() -> None:
    types = {number: YOLO_TYPES[index] for number, index in class_map(COCO).items()}
    assert types == {2: "Car", 3: "Motorcycle", 5: "CarouselBus", 7: "LightTruck"}


def test_a_detector_trained_on_the_types_keeps_their_names() -> None:
    names = dict(enumerate(reversed(YOLO_TYPES)))
    assert {names[number]: YOLO_TYPES[index] for number, index in class_map(names).items()} == {
        kind: kind for kind in YOLO_TYPES
    }


def test_names_are_case_sensitive() -> None:
    assert class_map({0: "Car", 1: "CAR", 2: "suv", 3: "Jeepney"}) == {0: 0}


@pytest.mark.parametrize("names", [{}, {0: "person"}, {number: f"kind {number}" for number in range(80)}])
def test_a_detector_without_a_vehicle_class_is_refused(names: dict[int, str]) -> None:
    with pytest.raises(ValueError, match="has none of the classes Car, SUV"):
        class_map(names)


def test_the_refusal_shows_some_of_what_the_detector_has() -> None:
    with pytest.raises(ValueError, match=r"it has kind 0, kind 1, .*kind 9 …$"):
        class_map({number: f"kind {number}" for number in range(80)})

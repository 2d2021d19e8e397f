"""Maps the class names of a detector to the vehicle types. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from video_analysis.worker_utils.contracts.messages import YoloType

YOLO_TYPES: tuple[YoloType, ...] = get_args(YoloType)

OTHER_NAMES: Mapping[str, YoloType] = {
    "car": "Car",
    "motorcycle": "Motorcycle",
    "bus": "CarouselBus",
    "truck": "LightTruck",
}
"""Class names of COCO. A detector that was trained on the vehicle types uses their names."""


def class_map(names: Mapping[int, str]) -> dict[int, int]:
    """Detector class → index into YOLO_TYPES, for the classes that are one of the types.

    ValueError if there is none: such a detector would never find a vehicle.
    """
    types = {number: OTHER_NAMES.get(name, name) for number, name in names.items()}
    mapped = {number: YOLO_TYPES.index(kind) for number, kind in types.items() if kind in YOLO_TYPES}
    if not mapped:
        known = ", ".join((*YOLO_TYPES, *OTHER_NAMES))
        raise ValueError(f"the detector has none of the classes {known}; it has {_listed(names)}")
    return mapped


def _listed(names: Mapping[int, str], most: int = 10) -> str:
    shown = list(names.values())[:most]
    return (", ".join(shown) or "none") + (" …" if len(names) > most else "")

"""The vehicle types that a label of a real data set may stand for. Pure.

A real "car" may be a Car or an SUV: a label is a group of types, and a network is right with each type of the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

Group = tuple[YoloType, ...]
CARS: Final[Group] = ("Car", "SUV")
LORRIES: Final[Group] = ("LightTruck", "Utility")
STILL_LABELS: Sequence[tuple[str, Group]] = (
    ("car", CARS),
    ("lorry_truck", LORRIES),
    ("van", ("Van",)),
    ("bike", ("Motorcycle",)),
    ("bus", ("CarouselBus",)),
)
"""Label of each class number of the stills of Singapore (sg_lta_cctv)."""
PHOTOGRAPH_LABELS: Sequence[tuple[str, Group]] = (
    ("Ambulance", ("Van", "LightTruck")),
    ("Bus", ("CarouselBus",)),
    ("Car", ("Car", "SUV", "Van")),
    ("Motorcycle", ("Motorcycle",)),
    ("Truck", LORRIES),
)
"""Label of each class number of the Open Images photographs, where a van may be labelled as a car."""
CROP_LABELS: Mapping[str, Group] = {
    "bike": ("Motorcycle",),
    "car": CARS,
    "juggernaut": ("LightTruck",),
    "truck": ("LightTruck",),
    "minibus": ("Van",),
    "pickup": ("Utility",),
}
"""Label of each folder of the CCTV crops (zenodo_6634554_tiny_vehicles, type)."""


def members(group: Group) -> list[int]:
    """The places of the group's types in YOLO_TYPES."""
    return [YOLO_TYPES.index(kind) for kind in group]

"""Every place that must have all vehicle types has those of `YoloType`. A failure names the file to change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import get_args

import pytest

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.attributes import color_clusters, paint_mask
from video_analysis.simulator.vehicles import fleet
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.detection.taxonomy import OTHER_NAMES, YOLO_TYPES

TYPES = set(get_args(YoloType))
CONTRACT = ("Car", "SUV", "Van", "LightTruck", "Utility", "Motorcycle", "CarouselBus", "E-Jeepney")
"""The types in the order of the contract. Append a new one; never change the order or spelling of the others."""
PAINTED_LIKE_A_CAR = {"Car", "SUV", "Van"}
"""Types that `PLACES` leaves out, because their paint is where `PLACE` has it."""
SMALL_WINDOWS = {"Car", "SUV", "Utility", "Motorcycle"}
"""Types that `GLAZED` leaves out."""
WITHOUT_LOAD = {"Car", "SUV", "Van", "Motorcycle", "CarouselBus", "E-Jeepney"}
"""Types that `LOADED` leaves out, because no load covers their paint."""
WITHOUT_MAKES = {"CarouselBus"}
"""Types that the untrained model's hierarchy leaves out."""


def schema_types() -> list[str]:
    schema = json.loads((PACKAGE_FOLDER / "schemas" / "snapshot_ready.json").read_text("utf-8"))
    return list(schema["properties"]["yolo_type"]["enum"])


def documented_types() -> list[str]:
    (names,) = re.findall(
        r"^\| `yolo_type` \| one of `([^`]+)` \|$", (PACKAGE_FOLDER / "docs" / "contracts.md").read_text("utf-8"), re.M
    )
    return str(names).split()


def difference(names: Iterable[str]) -> str:
    """What has to change, for the message of a failed test."""
    given = set(names)
    return f"add {sorted(TYPES - given) or 'nothing'}, remove {sorted(given - TYPES) or 'nothing'}"


def test_the_types_are_those_of_the_contract_in_its_order() -> None:
    assert get_args(YoloType) == CONTRACT, (
        "types are only appended: to YoloType in worker_utils/contracts/messages.py, and to CONTRACT in this test"
    )
    assert YOLO_TYPES == CONTRACT


def test_the_schema_lists_the_types_in_the_same_order() -> None:
    assert schema_types() == list(get_args(YoloType)), f"schemas/snapshot_ready.json: {difference(schema_types())}"


def test_the_page_of_the_contract_lists_the_types_in_the_same_order() -> None:
    assert documented_types() == list(get_args(YoloType)), (
        f"docs/contracts.md, yolo_type: {difference(documented_types())}"
    )


def test_the_simulator_has_models_of_each_type() -> None:
    modelled = {model.type for model in fleet.CATALOGUE}
    assert modelled == TYPES, (
        f"simulator/catalogue/, and CATALOGUE in simulator/vehicles/fleet.py: {difference(modelled)}"
    )


def test_the_simulator_has_a_share_of_traffic_for_each_type() -> None:
    assert set(fleet.SHARES) == TYPES, f"SHARES in simulator/vehicles/fleet.py: {difference(fleet.SHARES)}"
    assert sum(fleet.SHARES.values()) == pytest.approx(1), "SHARES in simulator/vehicles/fleet.py: the sum is not 1"


@pytest.mark.parametrize(
    ("place", "listed", "left_out", "why"),
    [
        ("PLACES in main_worker/attributes/paint_mask.py", paint_mask.PLACES, PAINTED_LIKE_A_CAR, "PAINTED_LIKE_A_CAR"),
        ("GLAZED in main_worker/attributes/color_clusters.py", color_clusters.GLAZED, SMALL_WINDOWS, "SMALL_WINDOWS"),
        ("LOADED in main_worker/attributes/color_clusters.py", color_clusters.LOADED, WITHOUT_LOAD, "WITHOUT_LOAD"),
        ("HIERARCHY in devstack/untrained_model.py", untrained_model.HIERARCHY, WITHOUT_MAKES, "WITHOUT_MAKES"),
    ],
)
def test_each_type_is_either_in_a_table_or_left_out_on_purpose(
    place: str, listed: Iterable[str], left_out: set[str], why: str
) -> None:
    assert left_out.isdisjoint(listed), (
        f"{place}: {sorted(left_out.intersection(listed))} is also in {why} of this test"
    )
    both = {*listed, *left_out}
    assert both == TYPES, f"{place}, or {why} of this test: {difference(both)}"


def test_every_other_name_of_a_class_maps_to_a_type() -> None:
    assert set(OTHER_NAMES.values()) <= TYPES

"""A box is compared with those just before and after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from video_analysis.yolo_worker.sinks.typical_area import NEIGHBOURS, AreaHistory

FACTOR = 1.3


def typical(areas: Sequence[float], position: int) -> bool:
    """Checked once all neighbours of the box are there, as the selection does."""
    history = AreaHistory()
    for area in areas[: position + NEIGHBOURS + 1]:
        history.add(area)
    return history.is_typical(position, FACTOR)


@pytest.mark.parametrize("position", [0, 3, 20, 29])
def test_a_box_that_is_larger_than_its_neighbours_is_no_typical_one(position: int) -> None:
    areas = [100.0] * 30
    areas[position] = 131
    assert [typical(areas, index) for index in range(30)] == [index != position for index in range(30)]


@pytest.mark.parametrize("growth", [0.9, 1.1])
def test_a_box_that_grows_or_shrinks_steadily_is_typical(growth: float) -> None:
    areas = [100 * growth**index for index in range(30)]
    assert all(typical(areas, index) for index in range(30))


@pytest.mark.parametrize("step_m", [0.5, 1, 2, 3])
def test_a_vehicle_that_comes_near_or_leaves_at_constant_speed_is_typical_to_the_end(step_m: float) -> None:
    distances = np.arange(40, 4, -step_m)
    areas = (1e6 / distances**2).tolist()
    for course in (areas, areas[::-1]):
        assert all(typical(course, index) for index in range(len(course)))


def test_a_box_that_grows_onto_a_neighbour_is_none_while_its_vehicle_comes_near() -> None:
    areas = (1e6 / np.arange(40, 4, -1.0) ** 2).tolist()
    areas[20] *= 1.5
    assert [index for index in range(len(areas)) if not typical(areas, index)] == [20]


def test_with_few_neighbours_every_box_is_typical() -> None:
    assert typical([500, 100, 100], 0)
    assert not typical([500, 100, 100, 100], 0)

"""The road: its lanes, its edges, and the row of lamps along it. Pure.

Traffic keeps to the right: vehicles that head for rising X (direction +1) drive at negative Y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from video_analysis.simulator.rendering.geometry import Floats

Direction = Literal[1, -1]
KERB_M = 0.3
LAMP_SPACING_M = 26.0


@dataclass(frozen=True, slots=True)
class Roadway:
    """A straight road along X; metres."""

    lanes: int
    """In each direction."""
    lane_m: float
    median_m: float
    """Width of the raised strip in the middle; 0: a double yellow line."""
    pavement_m: float
    striped_kerb: bool
    lamp_offset_m: float
    signal_x: dict[Direction, float] | None
    """Where each direction waits at red; None: no signal."""

    @property
    def half_m(self) -> float:
        """From the middle to the kerb."""
        return self.median_m / 2 + self.lanes * self.lane_m + 0.4

    def lane_y(self, direction: Direction, lane: int) -> float:
        """The middle of a lane; lane 0 is the innermost."""
        return -direction * (self.median_m / 2 + (lane + 0.5) * self.lane_m + 0.1)

    def lamp_light(self, x: Floats, y: Floats) -> Floats:
        """How bright the street lamps make a place, about 1 under a lamp; any shape of arrays."""
        along = (x - self.lamp_offset_m + LAMP_SPACING_M / 2) % LAMP_SPACING_M - LAMP_SPACING_M / 2
        reach = along**2 / 70
        sides = sum(np.exp(-(reach + (y - at) ** 2 / 26)) for at in (self.half_m - 1.2, 1.2 - self.half_m))
        lit: Floats = (0.22 + 0.95 * np.minimum(sides, 1.2)).astype(np.float32)
        return lit


def sample_roadway(rng: np.random.Generator) -> Roadway:
    """Draw a road of two to six lanes."""
    lanes = int(rng.choice([1, 2, 2, 3]))
    signal = rng.random() < 0.5
    stops: dict[Direction, float] = {1: float(rng.uniform(24, 40)), -1: float(rng.uniform(6, 14))}
    return Roadway(
        lanes=lanes,
        lane_m=float(rng.uniform(3.1, 3.5)),
        median_m=float(rng.choice([0.0, 0.8, 1.4])) if lanes > 1 else 0.0,
        pavement_m=float(rng.uniform(1.8, 3.2)),
        striped_kerb=bool(rng.random() < 0.6),
        lamp_offset_m=float(rng.uniform(0, LAMP_SPACING_M)),
        signal_x=stops if signal else None,
    )

"""Bodies as lofted shells: a side profile, a belt line and a plan view give rings of points along the vehicle.

Stations are metres from the front bumper (s), heights metres above the road (z). The same surface answers where
a detail drawn in a side, front, rear or top view comes to lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.rendering.mesh_builder import MeshBuilder

Line = tuple[tuple[float, float], ...]
"""Points (s, z) or (s, share of the half width), in rising s."""
LONGEST_PANEL_M = 0.55


@dataclass(frozen=True)
class Shell:
    """The outline of a body; see the module's text."""

    width_m: float
    top: Line
    belt: Line
    floor: Line
    plan: Line
    tumblehome: float = 0.32
    """Metres inwards for each metre of height above the belt."""
    crown_m: float = 0.14
    """How far in from the roof's edge its round goes."""
    sill: float = 0.95
    """Share of the half width that the flank has down there; `shoulder`: at the belt."""
    shoulder: float = 0.97
    overall_m: float = 0.0
    """The vehicle's whole length, where the shell is only its front part."""

    @property
    def length_m(self) -> float:
        """From bumper to bumper."""
        return self.top[-1][0]

    @cached_property
    def stations(self) -> tuple[float, ...]:
        """Where rings are cut: at every knot, and nowhere farther apart than LONGEST_PANEL_M."""
        knots = sorted({round(s, 3) for line in (self.top, self.plan) for s, _ in line if s <= self.length_m})
        dense = [knots[0]]
        for knot in knots[1:]:
            if knot - dense[-1] < 0.02:
                continue
            steps = int(np.ceil((knot - dense[-1]) / LONGEST_PANEL_M))
            dense.extend(np.linspace(dense[-1], knot, steps + 1)[1:].tolist())
        return tuple(dense)

    def height(self, s: float) -> float:
        """The top outline's height."""
        return _at(self.top, s)

    def belt_height(self, s: float) -> float:
        """The belt line's height, never above the top outline."""
        return min(_at(self.belt, s), self.height(s) - 0.012)

    @cached_property
    def _rings(self) -> dict[float, Floats]:
        return {}

    def ring(self, s: float) -> Floats:
        """Seven points (y, z) of the left half at s, from under the sill to the roof's middle strip."""
        if s not in self._rings:
            self._rings[s] = self._cut(s)
        return self._rings[s]

    def _cut(self, s: float) -> Floats:
        top, belt, floor = self.height(s), self.belt_height(s), _at(self.floor, s)
        half = self.width_m / 2 * _at(self.plan, s)
        cabin = top - belt
        edge = half * self.shoulder - self.tumblehome * cabin * 0.85 - 0.015
        return np.array(
            [
                (half * self.sill * 0.93, floor),
                (half * self.sill, floor + 0.12 * (belt - floor)),
                (half, floor + 0.6 * (belt - floor)),
                (half * self.shoulder, belt),
                (edge, belt + 0.86 * cabin),
                (edge - min(self.crown_m, edge * 0.3) * 0.4, belt + 0.955 * cabin),
                (edge - min(self.crown_m, edge * 0.3), top),
            ],
            np.float32,
        )

    def build(self, builder: MeshBuilder, material: str = "paint") -> None:
        """Add the shell and its end caps to the builder's part, layer 0."""
        rings = [self.ring(s) for s in self.stations]
        x = [self.x(s) for s in self.stations]
        left = np.stack([np.column_stack([np.full(7, at), ring]) for at, ring in zip(x, rings, strict=True)])
        right = left * np.array([1, -1, 1], np.float32)
        whole = np.concatenate([left, right[:, ::-1]], axis=1).astype(np.float32)
        builder.grid(whole, material)
        builder.face(whole[0], material, outward=(1, 0, 0), bulge=0.25)
        builder.face(whole[-1], material, outward=(-1, 0, 0), bulge=0.25)
        under = np.stack([left[:, 0], right[:, 0]], axis=1)
        for fore, aft in pairwise(under):
            builder.face([fore[0], fore[1], aft[1], aft[0]], "under", outward=(0, 0, -1))

    def x(self, s: float) -> float:
        """A station as the vehicle's own x."""
        return (self.overall_m or self.length_m) / 2 - s

    def on_side(self, s: float, z: float, side: int = 1) -> tuple[float, float, float]:
        """The point of the flank (side +1 left, -1 right) at a station and height."""
        ring = self.ring(min(max(s, 0.0), self.length_m))
        return self.x(s), side * (float(np.interp(z, ring[:, 1], ring[:, 0])) + 0.004), z

    def on_top(self, s: float, share: float) -> tuple[float, float, float]:
        """The point of bonnet, windscreen or roof at a station and a share -1..1 of the edge's half width."""
        ring = self.ring(min(max(s, 0.0), self.length_m))
        y = abs(share) * float(ring[4, 0])
        z = float(np.interp(y, ring[4:, 0][::-1], ring[4:, 1][::-1]))
        return self.x(s), y if share >= 0 else -y, z + 0.003

    def on_front(self, share: float, z: float) -> tuple[float, float, float]:
        """The point of the nose at a share -1..1 of the half width and a height."""
        rising = self.top[: int(np.argmax([height for _, height in self.top])) + 1]
        over = float(np.interp(z, [h for _, h in rising], [s for s, _ in rising]))
        s = max(over, self._plan_reach(abs(share), forward=True))
        return self.x(s) + 0.004, share * self.width_m / 2, z

    def on_rear(self, share: float, z: float) -> tuple[float, float, float]:
        """The point of the tail at a share -1..1 of the half width and a height."""
        falling = self.top[int(np.argmax([height for _, height in self.top])) :]
        over = float(np.interp(z, [h for _, h in falling[::-1]], [s for s, _ in falling[::-1]]))
        s = min(over, self._plan_reach(abs(share), forward=False))
        return self.x(s) - 0.004, share * self.width_m / 2, z

    def _plan_reach(self, share: float, *, forward: bool) -> float:
        """How far from the front the plan view is first (or last) as wide as `share`."""
        at = int(np.argmax([width for _, width in self.plan]))
        line = self.plan[: at + 1] if forward else self.plan[at:][::-1]
        if not forward:
            at = len(self.plan) - 1 - int(np.argmax([width for _, width in self.plan[::-1]]))
            line = self.plan[at:][::-1]
        return float(np.interp(share, [width for _, width in line], [s for s, _ in line]))


def _at(line: Line, s: float) -> float:
    return float(np.interp(s, [knot for knot, _ in line], [value for _, value in line]))

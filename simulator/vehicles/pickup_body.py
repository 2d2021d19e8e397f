"""Pickups: a cab with a bonnet, and an open bed behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import Span, box, tube, wheel
from video_analysis.simulator.vehicles import load_bed
from video_analysis.simulator.vehicles.car_body import CarBody


@dataclass(frozen=True)
class PickupBody:
    """A cab (its shell's `overall_m` is the whole length) and a bed; stations from the front bumper, metres."""

    cab: CarBody
    bed: Span
    rear_axle_s: float
    rail_m: float
    """Height of the bed's rail."""
    flat: bool = False
    """A flat dropside bed with hinged boards instead of a styled one with arches."""
    roll_bar: bool = False
    lettering: str | None = None
    tail_s: float = 0.16
    """Width of the tail lamps, metres."""

    def build(self, builder: MeshBuilder, variant: int = 0) -> None:
        """Add cab and bed; `variant` chooses the load."""
        self.cab.build(builder)
        builder.part += 1
        shell = self.cab.shell
        x = (shell.x(self.bed[1]), shell.x(self.bed[0]))
        half, low = shell.width_m / 2 * (1.0 if self.flat else 0.985), (0.62 if self.flat else 0.36)
        floor = 0.78 if self.flat else 0.72
        load_bed.open_box(builder, x, half, (low, self.rail_m), floor, "paint", "plastic")
        self._flanks(builder, x, half)
        self._tail(builder, x[0], half)
        wheel_y = half * 0.985
        for side in (1, -1):
            wheel(builder, shell.x(self.rear_axle_s), side * wheel_y, self.cab.wheel_radius, 0.24, self.cab.rim)
        box(
            builder,
            (x[0] - 0.12, x[0]),
            (-half * 0.9, half * 0.9),
            (0.42, 0.6),
            "chrome" if not self.flat else "plastic",
        )
        builder.part += 1
        if variant % 3:
            load_bed.load(builder, (x[0] + 0.1, x[1] - 0.1), half - 0.08, (floor, self.rail_m + 0.35), variant)
        if self.roll_bar:
            self._roll_bar(builder, x[1] - 0.22, half * 0.8)

    def _flanks(self, builder: MeshBuilder, x: Span, half: float) -> None:
        at, r = self.cab.shell.x(self.rear_axle_s), self.cab.wheel_radius
        if self.flat:
            load_bed.ribs(builder, x, half, (0.66, self.rail_m), 5, "seam", 0.03)
            return
        keep = builder.layer, builder.detail
        for material, size, layer in (("plastic", 1.32, 1), ("under", 1.15, 2)):
            if material == "plastic" and not self.cab.cladding:
                continue
            builder.layer = layer
            for side in (1, -1):
                builder.face(_arch(at, r * size, r, side * (half + 0.003)), material, outward=(0, side, 0))
        builder.layer, builder.detail = keep
        load_bed.side_panel(builder, (x[1] - 0.03, x[1]), half, (0.4, self.rail_m), "seam", detail=25)

    def _tail(self, builder: MeshBuilder, x: float, half: float) -> None:
        top = self.rail_m - 0.06
        load_bed.tail_lamps(builder, x, (half - self.tail_s - 0.02, half - 0.02), (top - 0.42, top))
        load_bed.rear_panel(builder, x, (-half + 0.3, half - 0.3), (top - 0.02, top), "seam", detail=20)
        if self.lettering is not None:
            load_bed.rear_panel(builder, x, (-0.4, 0.4), (top - 0.24, top - 0.08), "print", texture=self.lettering)
        load_bed.rear_panel(builder, x - 0.13, (-0.23, 0.23), (0.45, 0.59), "plate", detail=14, texture="plate")

    def _roll_bar(self, builder: MeshBuilder, x: float, half: float) -> None:
        top, keep = self.rail_m + 0.45, builder.detail
        builder.detail = 8.0
        for side in (1, -1):
            y = side * half
            tube(builder, (x, y, self.rail_m), (x, y, top), (0.04, 0.04), "black", sides=5)
            tube(builder, (x, y, top), (x - 0.6, y, self.rail_m + 0.03), (0.04, 0.04), "black", sides=5)
        tube(builder, (x, -half, top), (x, half, top), (0.04, 0.04), "black", sides=5)
        builder.detail = keep


def _arch(x: float, radius: float, hub: float, y: float) -> list[tuple[float, float, float]]:
    dip = math.asin(max(-1.0, min(1.0, (hub - 0.36) / radius)))
    angles = [-dip + (math.pi + 2 * dip) * index / 10 for index in range(11)]
    return [(x - radius * math.cos(a), y, hub + radius * math.sin(a)) for a in angles]

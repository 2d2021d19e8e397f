"""Light trucks: a cab over the front axle, a ladder frame, and a body for the load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import Span, box
from video_analysis.simulator.vehicles import load_bed
from video_analysis.simulator.vehicles.car_body import CarBody

Load = Literal["van", "dropside", "stake", "family", "canvas"]


@dataclass(frozen=True)
class TruckBody:
    """A cab and what it pulls along; stations from the front bumper, metres."""

    cab: CarBody
    load: Load
    bed: Span
    rear_axle_s: float
    bed_width_m: float
    floor_m: float
    top_m: float
    """Height of box, stakes or boards."""
    rear_radius: float
    lettering: str | None = None
    """On the sides of a closed body."""
    badge: str | None = None
    """On the tail."""

    def build(self, builder: MeshBuilder, variant: int = 0) -> None:
        """Add cab, frame, rear axle and load body, each as a part of its own."""
        self.cab.build(builder)
        shell, half = self.cab.shell, self.bed_width_m / 2
        x = (shell.x(self.bed[1]), shell.x(self.bed[0]))
        builder.part += 1
        load_bed.frame(builder, (x[0] + 0.1, x[1]), half, (0.42, self.floor_m - 0.12))
        load_bed.rear_axle(builder, shell.x(self.rear_axle_s), half * 0.97, self.rear_radius, self.cab.rim)
        load_bed.rear_panel(builder, x[0] + 0.1, (-0.23, 0.23), (0.45, 0.59), "plate", detail=14, texture="plate")
        builder.part += 1
        self._bed(builder, x, half, variant)
        if self.badge is not None:
            z = self.floor_m + (0.35 if self.load in ("van", "canvas") else 0.1)
            load_bed.rear_panel(builder, x[0], (-0.36, 0.36), (z, z + 0.17), "print", detail=12, texture=self.badge)

    def _bed(self, builder: MeshBuilder, x: Span, half: float, variant: int) -> None:
        under = (self.floor_m - 0.12, self.floor_m)
        load_bed.tail_lamps(builder, x[0], (half - 0.34, half - 0.06), under)
        if self.load in ("van", "family", "canvas"):
            self._closed(builder, x, half)
            return
        boards = self.floor_m + 0.42
        load_bed.open_box(builder, x, half, (under[0], boards), self.floor_m + 0.02, "paint2", "steel")
        load_bed.ribs(builder, x, half, (self.floor_m, boards), 6, "seam", 0.03)
        load_bed.rear_panel(builder, x[0], (-0.02, 0.02), (self.floor_m, boards), "seam", detail=20)
        builder.part += 1
        if self.load == "stake":
            load_bed.stakes(builder, x, half - 0.03, (boards, self.top_m), "paint2")
        load_bed.load(builder, (x[0] + 0.1, x[1] - 0.1), half - 0.1, (self.floor_m + 0.05, self.top_m - 0.15), variant)

    def _closed(self, builder: MeshBuilder, x: Span, half: float) -> None:
        material = {"van": "paint2", "family": "paint2", "canvas": "canvas"}[self.load]
        z = (self.floor_m - 0.12, self.top_m)
        box(builder, x, (-half, half), z, material, top=0.995 if self.load == "van" else 0.94)
        if self.load == "family":
            self._benches(builder, x, half)
            return
        load_bed.ribs(
            builder, x, half, (self.floor_m, self.top_m - 0.06), 9, "steel" if self.load == "van" else "seam", 0.025
        )
        load_bed.side_panel(builder, x, half, (self.top_m - 0.07, self.top_m), "steel", detail=10)
        load_bed.side_panel(builder, x, half, (z[0], z[0] + 0.1), "plastic", detail=10)
        load_bed.rear_panel(builder, x[0], (-0.015, 0.015), (self.floor_m, self.top_m - 0.1), "seam", detail=14)
        load_bed.rear_panel(
            builder, x[0], (-half + 0.1, half - 0.1), (self.top_m - 0.12, self.top_m - 0.06), "seam", detail=14
        )
        if self.lettering is not None:
            middle, reach = sum(x) / 2, (x[1] - x[0]) * 0.3
            height = (self.floor_m + self.top_m) / 2
            span = (middle - reach, middle + reach)
            load_bed.side_panel(
                builder, span, half, (height - 0.3, height + 0.3), "print", layer=3, texture=self.lettering
            )

    def _benches(self, builder: MeshBuilder, x: Span, half: float) -> None:
        """A family body: side windows with a bench behind them, an open rear."""
        low, high = self.floor_m + 0.5, self.top_m - 0.22
        for share in (0.06, 0.38, 0.70):
            a = x[0] + (x[1] - x[0]) * share
            load_bed.side_panel(builder, (a, a + (x[1] - x[0]) * 0.26), half * 0.985, (low, high), "glass", detail=5)
        load_bed.rear_panel(builder, x[0], (-half + 0.22, half - 0.22), (self.floor_m + 0.25, high), "under", detail=5)
        load_bed.side_panel(builder, x, half, (self.floor_m + 0.22, self.floor_m + 0.34), "paint3", detail=8)

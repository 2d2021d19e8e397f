"""Motorcycles: wheels, fork, bars, and the hulls and tubes that make a scooter, an underbone or a sport machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from video_analysis.simulator.rendering.geometry import Point
from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import Span, disc, hull, tube, wheel
from video_analysis.simulator.vehicles.rider import Posture, add_box, add_rider

Section = tuple[float, float, float, float]
"""x, lowest z, highest z, half width."""
Hull = tuple[str, tuple[Section, ...]]
Rod = tuple[str, Point, Point, float]
"""Material, two ends, radius; mirrored where it does not lie in the middle."""


@dataclass(frozen=True)
class MotorcycleBody:
    """A motorcycle in its own x (0 is midway between the axles) and z, metres."""

    axles: tuple[float, float]
    """x of the front and of the rear axle."""
    radii: tuple[float, float]
    tyre_m: tuple[float, float]
    """Half widths of the tyres."""
    head: tuple[float, float]
    """Where the fork meets the frame."""
    posture: Posture
    hulls: tuple[Hull, ...]
    rods: tuple[Rod, ...] = ()
    rim: str = "five"
    fender: float = 0.0
    """Clearance of a front mudguard over the tyre; 0: close to it."""
    fender_material: str = "paint"
    lamps: tuple[tuple[float, float, float, float], ...] = ((0.5, 0.9, 0.08, 0.07),)
    """Head lamps: x, z, half width, half height."""
    tail: tuple[float, float] = (-0.85, 0.72)
    """x, z of the tail lamp; the plate hangs below it."""
    plate_front: tuple[float, float] | None = None
    box_x: float = -0.72

    def build(self, builder: MeshBuilder, variant: int = 0) -> None:
        """Add machine and rider; variant 1 takes a pillion along, variant 2 a delivery box."""
        self._front(builder)
        builder.part += 1
        self._wheel(builder, self.axles[1], self.radii[1], self.tyre_m[1])
        builder.part += 1
        for material, sections in self.hulls:
            hull(builder, sections, material)
        self._lights(builder)
        builder.part += 1
        self._bars(builder)
        add_rider(builder, self.posture)
        seat = self.posture.seat
        if variant == 1:
            behind = Posture(
                (seat[0] - 0.34, seat[1] + 0.06), self.posture.bars, (self.posture.pegs[0] - 0.28, 0.36), 0.03
            )
            add_rider(builder, behind, cloth="cargo", helmet="black", reach=False)
        if variant == 2:
            add_box(builder, self.box_x, seat[1] + 0.06)

    def _wheel(self, builder: MeshBuilder, x: float, radius: float, half: float) -> None:
        for side in (1, -1):
            wheel(builder, x, side * half, radius, half, self.rim)

    def _front(self, builder: MeshBuilder) -> None:
        x, r, half = self.axles[0], self.radii[0], self.tyre_m[0]
        self._wheel(builder, x, r, half)
        builder.layer = 7
        for side in (1, -1):
            y = side * (half + 0.035)
            tube(builder, (x, y, r), (self.head[0], y, self.head[1]), (0.024, 0.028), "steel", sides=5)
            disc(builder, (x, side * (half + 0.012), r), (r * 0.3, r * 0.3), side, "darkrim", 12)
        builder.layer = 8
        self._mudguard(builder, x, r + 0.02 + self.fender, half + 0.03)
        builder.layer = 0

    def _mudguard(self, builder: MeshBuilder, x: float, reach: float, half: float) -> None:
        start, end = (0.7, 2.5) if self.fender == 0 else (0.55, 2.3)
        angles = [start + (end - start) * i / 5 for i in range(6)]
        lift = self.radii[0]
        arc = [(x + reach * math.cos(a), lift + reach * math.sin(a)) for a in angles]
        for (x0, z0), (x1, z1) in pairwise(arc):
            top = [(x0, -half, z0), (x0, half, z0), (x1, half, z1), (x1, -half, z1)]
            builder.face(top, self.fender_material, outward=((x0 + x1) / 2 - x, 0, (z0 + z1) / 2 - lift), bulge=0.3)
            for side in (1, -1):
                y = side * half
                skirt = [(x0, y, z0), (x1, y, z1), (x1, y, z1 - 0.06), (x0, y, z0 - 0.06)]
                builder.face(skirt, self.fender_material, outward=(0, side, 0))

    def _lights(self, builder: MeshBuilder) -> None:
        builder.layer = 1
        for x, z, half, high in self.lamps:
            ring = [math.tau * i / 10 for i in range(10)]
            round_lamp = [(x - 0.01 * math.sin(a), half * math.cos(a), z + high * math.sin(a)) for a in ring]
            builder.face(round_lamp, "lamp", outward=(1, 0, 0), bulge=0.4)
        x, z = self.tail
        _plaque(builder, x, (0.09, 0.045), z, "tail", -1)
        _plaque(builder, x + 0.03, (0.12, 0.075), z - 0.17, "plate", -1, "plate")
        if self.plate_front is not None:
            _plaque(builder, self.plate_front[0], (0.11, 0.05), self.plate_front[1], "plate", 1, "plate")
        builder.layer = 0

    def _bars(self, builder: MeshBuilder) -> None:
        x, z, half = self.posture.bars
        for side in (1, -1):
            tube(builder, (self.head[0], 0, z - 0.03), (x - 0.04, side * half, z), (0.016, 0.018), "black", sides=5)
            tube(
                builder,
                (x, side * half * 0.75, z),
                (x + 0.05, side * half * 0.95, z + 0.2),
                (0.008, 0.008),
                "black",
                sides=4,
            )
            edge = sorted((side * (half * 0.95 - 0.06), side * (half * 0.95 + 0.07)))
            _mirror(builder, x + 0.05, (edge[0], edge[1]), z + 0.22)
        for material, start, end, radius in self.rods:
            tube(builder, start, end, (radius, radius), material, sides=6)
            if start[1] or end[1]:
                tube(
                    builder,
                    (start[0], -start[1], start[2]),
                    (end[0], -end[1], end[2]),
                    (radius, radius),
                    material,
                    sides=6,
                )


def _mirror(builder: MeshBuilder, x: float, y: Span, z: float) -> None:
    corners = [(x, y[0], z - 0.035), (x, y[1], z - 0.035), (x, y[1], z + 0.045), (x, y[0], z + 0.045)]
    builder.face(corners, "black", outward=(1, 0, 0))
    builder.face(corners, "glass", outward=(-1, 0, 0))


def _plaque(
    builder: MeshBuilder,
    x: float,
    half: tuple[float, float],
    z: float,
    material: str,
    way: int,
    texture: str | None = None,
) -> None:
    """An upright rectangle that faces forward (+1) or backward (-1)."""
    left = -way * half[0]
    corners = [(x, left, z + half[1]), (x, -left, z + half[1]), (x, -left, z - half[1]), (x, left, z - half[1])]
    builder.face(corners, material, outward=(way, 0, 0), texture=texture)

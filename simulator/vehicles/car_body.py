"""A body of one shell on two axles, as cars, SUVs, vans and buses have: glazing, mirrors, wheels, arches, details."""

from __future__ import annotations

import math
from dataclasses import dataclass

from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import box, wheel
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, apply

Panes = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CarBody:
    """A shell and what is on it. Stations (s) are metres from the front bumper."""

    shell: Shell
    axles: tuple[float, ...]
    wheel_radius: float
    rim: str
    windscreen: tuple[float, float]
    """Stations of its foot and head."""
    rear_window: tuple[float, float] | None
    """Stations of its head and foot; None: the rear has its window in `trims`."""
    panes: Panes
    """Side windows, from s to s."""
    glass_top: float = 0.8
    """Share of the cabin's height that the side windows reach."""
    rake: float = 0.0
    """How far the last side window leans forward at its head, metres."""
    trims: tuple[Trim, ...] = ()
    cladding: bool = False
    """Black plastic along sills and arches."""
    rails: bool = False
    spoiler: bool = False
    mirror_s: float = 0.0
    """Station of the mirrors; 0: beside the windscreen's foot."""
    dark_roof: bool = False

    def build(self, builder: MeshBuilder) -> None:
        """Add everything, as the builder's current part (the mirrors as a part of their own each)."""
        self.shell.build(builder)
        apply(builder, self.shell, [*self._flanks(), *self._glazing(), *self._roof()], layer=1)
        apply(builder, self.shell, self.trims, layer=2)
        self._wheels(builder)
        if self.spoiler:
            self._add_spoiler(builder)
        self._mirrors(builder)

    def _glazing(self) -> list[Trim]:
        foot, head = self.windscreen
        panes = [_screen(foot + 0.04, head - 0.02, 0.93, 0.9)]
        if self.rear_window is not None:
            panes.append(_screen(self.rear_window[0] + 0.03, self.rear_window[1] - 0.03, 0.88, 0.9))
        surround = self._pane(self.panes[0][0] - 0.03, self.panes[-1][1] + 0.03, -0.012, last=True)
        sides = [self._pane(a + 0.02, b - 0.02, 0.0, last=(a, b) == self.panes[-1]) for a, b in self.panes]
        return [*panes, Trim("side", "black", surround, detail=6), *(Trim("side", "glass", p, detail=6) for p in sides)]

    def _pane(self, a: float, b: float, inset: float, *, last: bool) -> tuple[tuple[float, float], ...]:
        """A side window's outline between two stations, following belt and roof."""
        knots = [s for s, _ in self.shell.top if a < s < b - 0.02]
        lean = self.rake if last else 0.0
        over = [(s - (lean if s == b else 0.0), self._glass_height(s) - inset) for s in (a, *knots, b)]
        under = [(s, self.shell.belt_height(s) + 0.025 + inset) for s in (b, a)]
        return tuple((s, max(z, self.shell.belt_height(s) + 0.03)) for s, z in over) + tuple(under)

    def _glass_height(self, s: float) -> float:
        belt = self.shell.belt_height(s)
        return belt + self.glass_top * (self.shell.height(s) - belt)

    def _flanks(self) -> list[Trim]:
        """Wheel arches, seams and sills."""
        floor, r = self.shell.floor[len(self.shell.floor) // 2][1], self.wheel_radius
        trims: list[Trim] = []
        if self.cladding:
            trims.append(
                Trim("side", "plastic", _strip(0.05, self.shell.length_m - 0.05, floor, floor + 0.17), detail=6)
            )
            trims.extend(Trim("side", "plastic", _arch(s, r * 1.32, r, floor), detail=6) for s in self.axles)
        trims.extend(Trim("side", "under", _arch(s, r * 1.15, r, floor), detail=3) for s in self.axles)
        edges = sorted({round(s, 2) for pane in self.panes for s in pane})[:-1]
        for s in edges:
            low = floor + 0.12
            if min(abs(s - axle) for axle in self.axles) < r * 1.1:
                low = floor + 1.9 * r
            belt = self.shell.belt_height(s)
            trims.append(Trim("side", "seam", _strip(s - 0.007, s + 0.007, low, belt), detail=30))
            handle = _strip(s - 0.24, s - 0.07, belt - 0.13, belt - 0.10)
            if s > edges[0]:
                trims.append(Trim("side", "seam", handle, detail=45))
        return trims

    def _roof(self) -> list[Trim]:
        start, end = self.windscreen[1] + 0.03, (self.rear_window or (self.shell.length_m - 0.2, 0))[0] - 0.03
        trims = []
        if self.dark_roof:
            trims.append(Trim("top", "black", ((start, -0.95), (start, 0.95), (end, 0.95), (end, -0.95)), detail=5))
        if self.rails:
            rail = ((start + 0.2, 0.9), (start + 0.2, 0.97), (end - 0.2, 0.97), (end - 0.2, 0.9))
            trims.append(Trim("top", "silver", rail, twice=True, detail=12))
        return trims

    def _wheels(self, builder: MeshBuilder) -> None:
        for s in self.axles:
            y = self.shell.width_m / 2 * 0.985
            for side in (1, -1):
                wheel(builder, self.shell.x(s), side * y, self.wheel_radius, 0.21, self.rim)

    def _add_spoiler(self, builder: MeshBuilder) -> None:
        s = (self.rear_window or (self.shell.length_m, 0))[0]
        half = float(self.shell.ring(s)[5, 0])
        keep, builder.layer, builder.detail = builder.layer, 1, 8.0
        z = self.shell.height(s) + 0.02
        box(builder, (self.shell.x(s) - 0.2, self.shell.x(s) + 0.1), (-half, half), (z - 0.06, z), "paint")
        builder.layer, builder.detail = keep, 0.0

    def _mirrors(self, builder: MeshBuilder) -> None:
        s = self.mirror_s or self.windscreen[0] + 0.33
        z, y = self.shell.belt_height(s) + 0.06, self.shell.width_m / 2
        for side in (1, -1):
            builder.part += 1
            inner, outer = sorted((side * y, side * (y + 0.19)))
            builder.detail = 7.0
            x = self.shell.x(s)
            box(builder, (x - 0.06, x + 0.06), (inner, outer), (z, z + 0.15), "paint", top=0.85)
            builder.detail = 0.0


def _screen(foot: float, head: float, low: float, high: float) -> Trim:
    """Windscreen or rear window between two stations, `low` and `high` the shares of the edge that it spans."""
    across = (-1.0, -0.6, 0.6, 1.0)
    points = [(foot, low * share) for share in across] + [(head, high * share) for share in reversed(across)]
    return Trim("top", "glass", tuple(points), detail=3, bulge=0.35)


def _strip(a: float, b: float, low: float, high: float) -> tuple[tuple[float, float], ...]:
    return ((a, low), (b, low), (b, high), (a, high))


def _arch(s: float, radius: float, hub: float, floor: float) -> tuple[tuple[float, float], ...]:
    """The opening over a wheel whose hub is `hub` high: a circle's part above the sill."""
    dip = math.asin(max(-1.0, min(1.0, (hub - floor) / radius)))
    angles = [-dip + (math.pi + 2 * dip) * index / 9 for index in range(10)]
    return tuple((s - radius * math.cos(a), hub + radius * math.sin(a)) for a in angles)

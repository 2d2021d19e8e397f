"""Jeepneys: a nose with a bonnet or a blunt front, a long cabin with open sides, and a door at the back."""

from __future__ import annotations

from dataclasses import dataclass

from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import box
from video_analysis.simulator.vehicles.car_body import CarBody, Panes
from video_analysis.simulator.vehicles.trim import Trim, apply


@dataclass(frozen=True)
class JeepneyBody:
    """A shell whose side openings are unglazed; stations from the front bumper, metres."""

    body: CarBody
    openings: Panes
    sill_m: float
    head_m: float
    """Lower and upper edge of the side openings."""
    solar: bool = False
    """Solar panels on the roof."""
    rack: bool = False
    visor: str | None = None
    """A route board over the windscreen."""
    door: tuple[float, float] = (0.45, 2.0)
    """Lower and upper edge of the rear entrance."""

    def build(self, builder: MeshBuilder, variant: int = 0) -> None:
        """Add the body; `variant` seats other passengers."""
        self.body.build(builder)
        builder.part = 0
        shell = self.body.shell
        apply(builder, shell, self._openings(), layer=3)
        self._passengers(builder, variant)
        if self.solar:
            apply(builder, shell, self._panels(), layer=3)
        builder.part = 2
        if self.visor is not None:
            self._visor(builder, self.visor)
        if self.rack:
            self._rack(builder)

    def _openings(self) -> list[Trim]:
        low, high = self.sill_m, self.head_m
        trims = [Trim("side", "under", ((a, low), (b, low), (b, high), (a, high)), detail=4) for a, b in self.openings]
        rail = low + 0.12
        trims += [
            Trim("side", "steel", ((a, rail), (b, rail), (b, rail + 0.03), (a, rail + 0.03)), detail=20)
            for a, b in self.openings
        ]
        bottom, top = self.door
        entrance = ((-0.42, bottom), (0.42, bottom), (0.42, top), (-0.42, top))
        step = ((-0.5, bottom - 0.08), (0.5, bottom - 0.08), (0.5, bottom), (-0.5, bottom))
        return [*trims, Trim("rear", "under", entrance, detail=4), Trim("rear", "steel", step, detail=8)]

    def _passengers(self, builder: MeshBuilder, variant: int) -> None:
        """Heads and shoulders behind the openings, as far as they show."""
        shell, keep = self.body.shell, (builder.layer, builder.detail)
        builder.layer, builder.detail = 4, 16.0
        for index, (a, b) in enumerate(self.openings):
            for seat, s in enumerate((a + (b - a) * 0.3, a + (b - a) * 0.72)):
                if (index * 2 + seat + variant) % 3 == 0:
                    continue
                for side in (1, -1):
                    x, y, _ = shell.on_side(s, self.sill_m, side)
                    self._passenger(builder, x, y, side, "cloth" if (index + seat) % 2 else "cargo")
        builder.layer, builder.detail = keep

    def _passenger(self, builder: MeshBuilder, x: float, y: float, side: int, cloth: str) -> None:
        low = self.sill_m + 0.005
        shoulders = [(x - 0.2, y, low), (x + 0.2, y, low), (x + 0.17, y, low + 0.2), (x - 0.17, y, low + 0.2)]
        builder.face(shoulders, cloth, outward=(0, side, 0), bulge=0.4)
        for material, z, high in (("hair", low + 0.34, 0.13), ("skin", low + 0.3, 0.1)):
            round_head = [
                (x + dx * 0.1, y, z + dz * high)
                for dx, dz in ((-1, -0.5), (0, -1), (1, -0.5), (1, 0.5), (0, 1), (-1, 0.5))
            ]
            builder.face(round_head, material, outward=(0, side, 0), bulge=0.5)

    def _panels(self) -> list[Trim]:
        start, end = self.body.windscreen[1] + 0.5, self.body.shell.length_m - 0.5
        step = (end - start) / 4
        cells = [(start + step * i + 0.04, start + step * (i + 1) - 0.04) for i in range(4)]
        return [
            Trim("top", "glass", ((a, lo), (b, lo), (b, hi), (a, hi)), detail=4)
            for a, b in cells
            for lo, hi in ((-0.86, -0.03), (0.03, 0.86))
        ]

    def _visor(self, builder: MeshBuilder, text: str) -> None:
        shell = self.body.shell
        s = self.body.windscreen[1]
        half, z = shell.width_m * 0.36, shell.height(s) + 0.02
        x = shell.x(s)
        box(builder, (x - 0.06, x + 0.02), (-half, half), (z, z + 0.24), "black")
        builder.layer, builder.detail = 2, 9.0
        corners = [
            (x + 0.03, -half, z + 0.22),
            (x + 0.03, half, z + 0.22),
            (x + 0.03, half, z + 0.02),
            (x + 0.03, -half, z + 0.02),
        ]
        builder.face(corners, "print", outward=(1, 0, 0), texture=f"words/{text}/yellow/black")
        builder.layer, builder.detail = 0, 0.0

    def _rack(self, builder: MeshBuilder) -> None:
        shell = self.body.shell
        top, half = max(z for _, z in shell.top), shell.width_m * 0.36
        x = (shell.x(shell.length_m - 0.6), shell.x(self.body.windscreen[1] + 0.9))
        builder.detail = 9.0
        for side in (1, -1):
            box(builder, x, (side * half - 0.02, side * half + 0.02), (top + 0.12, top + 0.16), "steel")
        for share in (0.0, 0.33, 0.66, 1.0):
            at = x[0] + (x[1] - x[0]) * share
            box(builder, (at - 0.02, at + 0.02), (-half, half), (top + 0.02, top + 0.16), "steel")
        builder.detail = 0.0

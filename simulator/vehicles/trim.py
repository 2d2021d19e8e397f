"""Details that lie on a shell: lamps, grilles, windows, badges, plates, drawn in the view that shows them best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from video_analysis.simulator.rendering.geometry import Point
from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.vehicles.shell import Shell

View = Literal["front", "rear", "side", "top"]
_OUTWARD = {"front": (1, 0, 0.3), "rear": (-1, 0, 0.3), "top": (0.0, 0, 1)}


@dataclass(frozen=True, slots=True)
class Trim:
    """One polygon on a shell.

    Points are (share of the half width, z) in front and rear views, (s, z) in side views, (s, share) in top views.
    `twice` adds its mirror image; a side view is always on both sides.
    """

    view: View
    material: str
    points: tuple[tuple[float, float], ...]
    twice: bool = False
    detail: float = 9.0
    bulge: float = 0.15
    texture: str | None = None
    flank: int = 0
    """For side views: 1 the left alone, -1 the right alone, 0 both."""

    def mirror(self) -> Trim:
        """The same on the other side of a front, rear or top view."""
        flipped = tuple((a, -b) if self.view == "top" else (-a, b) for a, b in self.points)
        return Trim(self.view, self.material, flipped, False, self.detail, self.bulge, self.texture)


def pair(view: View, material: str, *points: tuple[float, float], detail: float = 9.0, bulge: float = 0.3) -> Trim:
    """A lamp or vent that comes left and right."""
    return Trim(view, material, points, True, detail, bulge)


def band(view: View, material: str, z: tuple[float, float], halves: tuple[float, float], detail: float = 9.0) -> Trim:
    """A trapezium about the middle: lower and upper height, half its lower and upper width as shares."""
    (low, high), (wide, narrow) = z, halves
    return Trim(view, material, ((-wide, low), (wide, low), (narrow, high), (-narrow, high)), False, detail)


def slats(view: View, material: str, z: tuple[float, float], half: float, count: int, thin: float = 0.02) -> list[Trim]:
    """Horizontal bars of a grille, spread evenly between two heights."""
    step = (z[1] - z[0]) / max(count, 1)
    heights = [z[0] + step * (index + 0.5) for index in range(count)]
    return [band(view, material, (at - thin / 2, at + thin / 2), (half, half), detail=28) for at in heights]


def sign(
    view: View, texture: str, centre: tuple[float, float], size: tuple[float, float], detail: float = 14.0
) -> Trim:
    """A picture (lettering, badge, plate): centre and size in the view's own units, legible from outside."""
    (a, b), (wide, high) = centre, (size[0] / 2, size[1] / 2)
    left = a + wide if view == "rear" else a - wide
    right = a - wide if view == "rear" else a + wide
    corners = ((left, b + high), (right, b + high), (right, b - high), (left, b - high))
    return Trim(view, "plate" if texture == "plate" else "print", corners, False, detail, 0.0, texture)


def apply(builder: MeshBuilder, shell: Shell, trims: Iterable[Trim], layer: int = 2) -> None:
    """Put details on a shell, in their order."""
    keep = builder.layer, builder.detail
    builder.layer = layer
    for trim in trims:
        builder.detail = trim.detail
        if trim.view == "side":
            _on_both_sides(builder, shell, trim)
        else:
            _on_view(builder, shell, trim)
            if trim.twice:
                _on_view(builder, shell, trim.mirror())
    builder.layer, builder.detail = keep


def _on_view(builder: MeshBuilder, shell: Shell, trim: Trim) -> None:
    place = {"front": shell.on_front, "rear": shell.on_rear, "top": shell.on_top}[trim.view]
    points = [place(a, b) for a, b in trim.points]
    builder.face(points, trim.material, outward=_OUTWARD[trim.view], bulge=trim.bulge, texture=trim.texture)


def _on_both_sides(builder: MeshBuilder, shell: Shell, trim: Trim) -> None:
    for side in (trim.flank,) if trim.flank else (1, -1):
        points: list[Point] = [shell.on_side(s, z, side) for s, z in trim.points]
        if trim.texture is not None and side < 0:
            points = [points[1], points[0], points[3], points[2]]
        builder.face(points, trim.material, outward=(0, side, 0.2), bulge=trim.bulge, texture=trim.texture)

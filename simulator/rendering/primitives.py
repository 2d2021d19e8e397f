"""Boxes, tubes, balls and wheels: what bodies are made of besides shells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from video_analysis.simulator.rendering.geometry import Point
from video_analysis.simulator.rendering.mesh_builder import ROUND, MeshBuilder

Span = tuple[float, float]


def box(
    builder: MeshBuilder, x: Span, y: Span, z: Span, material: str, *, top: float = 1.0, skip: tuple[str, ...] = ()
) -> None:
    """An upright box; `top` scales its upper face about the middle; `skip` names faces left out (+x -x +y -y +z -z)."""
    mx, my = sum(x) / 2, sum(y) / 2
    low = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]], np.float32)
    high = (low - [mx, my]) * top + [mx, my]
    base = np.column_stack([low, np.full(4, z[0], np.float32)])
    lid = np.column_stack([high, np.full(4, z[1], np.float32)])
    sides = {"-y": 0, "+x": 1, "+y": 2, "-x": 3}
    for name, i in sides.items():
        if name not in skip:
            j = (i + 1) % 4
            outward = (base[i] + base[j]) / 2 - [mx, my, z[0]]
            builder.face([base[i], base[j], lid[j], lid[i]], material, outward=outward)
    if "+z" not in skip:
        builder.face(lid, material, outward=(0, 0, 1))
    if "-z" not in skip:
        builder.face(base, material, outward=(0, 0, -1))


def tube(
    builder: MeshBuilder, start: Point, end: Point, radius: Span, material: str, *, sides: int = 6, capped: bool = True
) -> None:
    """A tapering tube between two points, radii in metres at start and end."""
    a, b = np.array(start, np.float32), np.array(end, np.float32)
    along = (b - a) / (float(np.linalg.norm(b - a)) or 1.0)
    across = np.cross(along, [0, 1, 0] if abs(along[1]) < 0.9 else [0, 0, 1])
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    turn = np.linspace(0, 2 * math.pi, sides + 1, dtype=np.float32)
    rim = np.cos(turn)[:, None] * across + np.sin(turn)[:, None] * other
    builder.grid(np.stack([a + radius[0] * rim, b + radius[1] * rim]).astype(np.float32), material, ROUND)
    if capped:
        builder.face(a + radius[0] * rim[:-1], material, outward=-along)
        builder.face(b + radius[1] * rim[:-1], material, outward=along)


def ball(
    builder: MeshBuilder,
    centre: Point,
    radii: Point,
    material: str,
    *,
    rings: int = 4,
    sides: int = 8,
    lowest: float = -1,
) -> None:
    """An ellipsoid with semi-axes in metres, cut off below `lowest` (sine of the latitude)."""
    latitude = np.linspace(math.asin(lowest), math.pi / 2, rings + 1)
    turn = np.linspace(0, 2 * math.pi, sides + 1)
    unit = np.stack(
        [
            np.outer(np.cos(latitude), np.cos(turn)),
            np.outer(np.cos(latitude), np.sin(turn)),
            np.outer(np.sin(latitude), np.ones_like(turn)),
        ],
        axis=-1,
    )
    builder.grid((unit * np.array(radii) + np.array(centre)).astype(np.float32), material, ROUND)


def disc(builder: MeshBuilder, centre: Point, radius: Span, side: int, material: str, sides: int = 16) -> None:
    """A flat disc that faces left (side +1) or right (-1); radii in x and z."""
    turn = np.linspace(0, 2 * math.pi, sides, endpoint=False)
    points = np.column_stack([np.cos(turn) * radius[0], np.zeros(sides), np.sin(turn) * radius[1]]) + np.array(centre)
    builder.face(points.astype(np.float32), material, outward=(0, side, 0), bulge=0.2)


def wheel(builder: MeshBuilder, x: float, y: float, radius: float, width: float, style: str = "five") -> None:
    """A wheel whose outer face lies at y (its sign says which side); the tread goes under layer 0, the face on layer 6.

    `style` is what the rim shows: steel, cap, five, ten or wire.
    """
    side = 1 if y > 0 else -1
    builder.hubs.append((x, y, radius, radius))
    inner = y - side * width
    layer, builder.layer = builder.layer, -1
    tube(builder, (x, inner, radius), (x, y, radius), (radius, radius), "tread", sides=14)
    builder.layer = 6
    disc(builder, (x, y, radius), (radius, radius), side, "tyre", 18)
    builder.wheel = len(builder.hubs) - 1
    _rim(builder, (x, y + side * 0.004, radius), radius, side, style)
    builder.wheel, builder.layer = -1, layer


def _rim(builder: MeshBuilder, hub: Point, radius: float, side: int, style: str) -> None:
    rim = radius * (0.86 if style == "wire" else 0.68)
    metal = {"steel": "darkrim", "dark": "darkrim", "wire": "gap"}.get(style, "rim")
    disc(builder, hub, (rim, rim), side, metal, 16)
    holes = {"steel": 8, "cap": 7, "five": 5, "dark": 6, "ten": 10, "wire": 6}[style]
    keep, builder.detail = builder.detail, 24.0
    for index in range(holes):
        if style == "wire":
            _wedge(builder, hub, (rim * 0.1, rim), (index, holes, 0.12), side, "steel")
        else:
            inner, share = (0.62, 0.35) if style in ("steel", "cap") else (0.3, 0.62)
            _wedge(builder, hub, (rim * inner, rim * 0.9), (index, holes, share), side, "gap")
    disc(builder, hub, (rim * 0.2, rim * 0.2), side, "rim" if metal == "darkrim" else "darkrim", 8)
    builder.detail = keep


def _wedge(
    builder: MeshBuilder, hub: Point, radii: Span, place: tuple[int, int, float], side: int, material: str
) -> None:
    """One opening between spokes: `place` is its index, how many there are, and the share of the circle they take."""
    index, holes, share = place
    middle, half = 2 * math.pi * index / holes, math.pi * share / holes
    narrow = half * 0.6 if material == "gap" else half * 4
    corners = [(radii[0], -narrow), (radii[1], -half), (radii[1], half), (radii[0], narrow)]
    points = [(hub[0] + r * math.cos(middle + a), hub[1], hub[2] + r * math.sin(middle + a)) for r, a in corners]
    builder.face(points, material, outward=(0, side, 0))


def hull(
    builder: MeshBuilder, sections: Sequence[tuple[float, float, float, float]], material: str, sides: int = 10
) -> None:
    """A rounded body along x through sections (x, lowest z, highest z, half width), closed at both ends."""
    turn = np.linspace(0, 2 * math.pi, sides + 1) + math.pi / sides
    c, s = np.cos(turn), np.sin(turn)
    c, s = np.sign(c) * np.abs(c) ** 0.7, np.sign(s) * np.abs(s) ** 0.7
    rings = [
        np.column_stack([np.full(sides + 1, x), half * c, (low + high) / 2 + (high - low) / 2 * s])
        for x, low, high, half in sections
    ]
    builder.grid(np.stack(rings).astype(np.float32), material, ROUND)
    forward = 1 if sections[0][0] > sections[-1][0] else -1
    builder.face(rings[0][:-1], material, outward=(forward, 0, 0))
    builder.face(rings[-1][:-1], material, outward=(-forward, 0, 0))

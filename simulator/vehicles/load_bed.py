"""What carries the load behind a cab: pickup beds, dropsides, stakes and closed boxes."""

from __future__ import annotations

import numpy as np

from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import Span, box, tube, wheel

WALL_M = 0.05


def open_box(builder: MeshBuilder, x: Span, half: float, z: Span, floor: float, material: str, inside: str) -> None:
    """An open-topped box: outer walls from z[0] to the rail at z[1], its floor inside at `floor`."""
    box(builder, x, (-half, half), z, material, skip=("+z",))
    a, b, w = x[0] + WALL_M, x[1] - WALL_M, half - WALL_M
    low, high = floor, z[1]
    builder.face([(a, -w, low), (b, -w, low), (b, w, low), (a, w, low)], inside, outward=(0, 0, 1))
    for side in (1, -1):
        y = side * w
        builder.face([(a, y, low), (b, y, low), (b, y, high), (a, y, high)], inside, outward=(0, -side, 0))
        rim = [(x[0], side * half, high), (x[1], side * half, high), (b, y, high), (a, y, high)]
        builder.face(rim, material, outward=(0, 0, 1))
    for at, edge, outward in ((a, x[0], 1), (b, x[1], -1)):
        builder.face([(at, -w, low), (at, w, low), (at, w, high), (at, -w, high)], inside, outward=(outward, 0, 0))
        rim = [(edge, -half, high), (edge, half, high), (at, w, high), (at, -w, high)]
        builder.face(rim, material, outward=(0, 0, 1))


def side_panel(
    builder: MeshBuilder, x: Span, y: float, z: Span, material: str, *, layer: int = 2, detail: float = 8.0,
    texture: str | None = None,
) -> None:  # fmt: skip
    """A rectangle on the flank at y (both its signs), for ribs, lettering and lamps."""
    keep = builder.layer, builder.detail
    builder.layer, builder.detail = layer, detail
    for side in (1, -1):
        fore, aft = (x[1], x[0]) if side > 0 else (x[0], x[1])
        at = side * (y + 0.004)
        corners = [(fore, at, z[1]), (aft, at, z[1]), (aft, at, z[0]), (fore, at, z[0])]
        builder.face(corners, material, outward=(0, side, 0), texture=texture)
    builder.layer, builder.detail = keep


def rear_panel(
    builder: MeshBuilder, x: float, y: Span, z: Span, material: str, *, detail: float = 8.0, texture: str | None = None
) -> None:
    """A rectangle on a rear wall at x: tail lamps, doors, plates, lettering."""
    keep = builder.layer, builder.detail
    builder.layer, builder.detail = 2, detail
    at = x - 0.004
    corners = [(at, y[1], z[1]), (at, y[0], z[1]), (at, y[0], z[0]), (at, y[1], z[0])]
    builder.face(corners, material, outward=(-1, 0, 0), texture=texture)
    builder.layer, builder.detail = keep


def tail_lamps(builder: MeshBuilder, x: float, y: Span, z: Span) -> None:
    """A lamp left and right on a rear wall."""
    rear_panel(builder, x, y, z, "tail")
    rear_panel(builder, x, (-y[1], -y[0]), z, "tail")


def ribs(builder: MeshBuilder, x: Span, y: float, z: Span, count: int, material: str, thin: float = 0.04) -> None:
    """Upright ribs along both flanks."""
    for at in np.linspace(x[0] + 0.08, x[1] - 0.08, count).tolist():
        side_panel(builder, (at - thin / 2, at + thin / 2), y, z, material, detail=14)


def stakes(builder: MeshBuilder, x: Span, half: float, z: Span, material: str) -> None:
    """A rack of posts and rails above a bed's walls."""
    builder.detail = 6.0
    for side in (1, -1):
        for at in np.linspace(x[0] + 0.04, x[1] - 0.04, 5).tolist():
            tube(builder, (at, side * half, z[0]), (at, side * half, z[1]), (0.03, 0.03), material, sides=4)
        for height in np.linspace(z[0] + 0.2, z[1] - 0.03, 3).tolist():
            tube(builder, (x[0], side * half, height), (x[1], side * half, height), (0.03, 0.03), material, sides=4)
    builder.detail = 0.0


def load(builder: MeshBuilder, x: Span, half: float, z: Span, kind: int) -> None:
    """Something on the bed: crates, sacks or a tarpaulin by `kind`; 0 is nothing."""
    if kind == 0:
        return
    material = ("crate", "sack", "canvas")[kind % 3]
    edges = np.linspace(x[0], x[1], 4)
    for index, (a, b) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        top = z[0] + (z[1] - z[0]) * (0.6 + 0.4 * ((index * kind) % 3) / 2)
        box(builder, (a + 0.04, b - 0.04), (-half + 0.1, half - 0.1), (z[0], top), material, top=0.93)


def rear_axle(builder: MeshBuilder, x: float, half: float, radius: float, rim: str, width: float = 0.32) -> None:
    """Rear wheels and the axle between them."""
    box(builder, (x - 0.07, x + 0.07), (-half + 0.2, half - 0.2), (radius - 0.08, radius + 0.08), "under")
    for side in (1, -1):
        wheel(builder, x, side * half, radius, width, rim)


def frame(builder: MeshBuilder, x: Span, half: float, z: Span) -> None:
    """The ladder frame under a truck's body, and the guards between its axles."""
    box(builder, x, (-half * 0.45, half * 0.45), z, "under")

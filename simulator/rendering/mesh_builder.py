"""Collects the faces of a vehicle, and smooths their shading where they meet without an edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.rendering.materials import INDEX
from video_analysis.simulator.rendering.mesh import Mesh

CREASE = math.cos(math.radians(40))
"""Neighbouring panels that meet at more than 40° keep a hard edge."""
ROUND = math.cos(math.radians(80))
"""Tubes and balls have few sides and yet no edges."""


@dataclass(slots=True)
class _Face:
    points: Floats
    normal: Floats
    normals: Floats
    material: int
    part: int
    layer: int
    detail: float
    texture: str | None
    wheel: int


@dataclass(slots=True)
class MeshBuilder:
    """Collects faces; `part` and `layer` apply to what is added next."""

    part: int = 0
    layer: int = 0
    detail: float = 0.0
    wheel: int = -1
    hubs: list[tuple[float, float, float, float]] = field(default_factory=list)
    _faces: list[_Face] = field(default_factory=list)

    def face(
        self,
        points: Sequence[Sequence[float]] | Floats,
        material: str,
        *,
        outward: Sequence[float] | NDArray[Any] | None = None,
        bulge: float = 0.0,
        texture: str | None = None,
    ) -> None:
        """Add one convex polygon; it is turned round where its normal opposes `outward`.

        `bulge` tilts the corners' normals away from the middle, which is how panes and lamps catch light.
        """
        corners = np.asarray(points, np.float32)
        normal = polygon_normal(corners)
        if outward is not None and sum(a * b for a, b in zip(normal.tolist(), outward, strict=True)) < 0:
            corners, normal = corners[::-1].copy(), -normal
        if texture is not None and outward is not None:
            corners = np.asarray(points, np.float32)
        normals = np.repeat(normal[None], len(corners), 0)
        if bulge:
            away = corners - corners.mean(axis=0)
            reach = float(np.abs(away).max()) or 1.0
            normals = normals + away / reach * bulge
        self._add(corners, normal, normals, material, texture)

    def grid(self, points: Floats, material: str, crease: float = CREASE) -> None:
        """Add the quads between n rings of m points [n, m, 3], shaded as one surface that faces outwards.

        Quads that meet at an angle whose cosine is below `crease` keep an edge between them.
        """
        quads, normals = _outward_quads(points)
        for quad, normal, smooth in zip(quads, normals, _smoothed(quads, normals, crease), strict=True):
            self._add(quad, normal, smooth, material)

    def _add(self, corners: Floats, normal: Floats, normals: Floats, material: str, texture: str | None = None) -> None:
        self._faces.append(
            _Face(corners, normal, normals, INDEX[material], self.part, self.layer, self.detail, texture, self.wheel)
        )

    def build(self) -> Mesh:
        """The collected faces as arrays."""
        faces = self._faces
        count = np.array([len(face.points) for face in faces], np.int64)
        first = np.cumsum(count) - count
        corners = np.concatenate([face.points for face in faces])
        parts = np.array([face.part for face in faces], np.int64)
        low, high = np.full((2, int(parts.max()) + 1, 3), [[[1e9]], [[-1e9]]], np.float32)
        np.minimum.at(low, np.repeat(parts, count), corners)
        np.maximum.at(high, np.repeat(parts, count), corners)
        normals = np.concatenate([face.normals for face in faces])
        return Mesh(
            corners=corners,
            normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
            material=np.repeat([face.material for face in faces], count),
            wheel=np.repeat([face.wheel for face in faces], count),
            hubs=np.array(self.hubs, np.float32).reshape(-1, 4),
            first=first,
            count=count,
            centroid=(np.add.reduceat(corners, first) / count[:, None]).astype(np.float32),
            facing=np.stack([face.normal for face in faces]),
            part=parts,
            layer=np.array([face.layer for face in faces], np.int64),
            detail=np.array([face.detail for face in faces], np.float32),
            texture=tuple(face.texture for face in faces),
            part_low=low,
            part_high=high,
        )


def polygon_normal(points: Floats) -> Floats:
    """Newell's normal of a polygon [n, 3], of length 1."""
    nx = ny = nz = 0.0
    rows = points.tolist()
    ax, ay, az = rows[-1]
    for bx, by, bz in rows:
        nx += ay * bz - az * by
        ny += az * bx - ax * bz
        nz += ax * by - ay * bx
        ax, ay, az = bx, by, bz
    length = math.sqrt(nx * nx + ny * ny + nz * nz) or 1.0
    return np.array((nx / length, ny / length, nz / length), np.float32)


def _outward_quads(points: Floats) -> tuple[Floats, Floats]:
    """The quads [q, 4, 3] between rings of points, wound to face away from the rings' middles, and their normals."""
    corners = [points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]]
    quads = np.stack(corners, axis=2).reshape(-1, 4, 3).astype(np.float32)
    rings = (points[:-1].mean(axis=1) + points[1:].mean(axis=1)) / 2
    away = quads.mean(axis=1) - np.repeat(rings, points.shape[1] - 1, axis=0)
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    length = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(length, 1e-12)[:, None]
    inward = (normals * away).sum(axis=1) < 0
    quads[inward] = quads[inward, ::-1]
    normals[inward] *= -1
    real = length > 1e-6
    return quads[real], normals[real].astype(np.float32)


def _smoothed(quads: Floats, normals: Floats, crease: float) -> Floats:
    """Corner normals [q, 4, 3]: the sum of the normals of the quads that meet there at less than the crease."""
    _, place = np.unique(np.round(quads.reshape(-1, 3) * 1000).astype(np.int64), axis=0, return_inverse=True)
    owner = np.repeat(np.arange(len(quads)), 4)
    meets = (place[:, None] == place[None]) & (normals[owner] @ normals[owner].T > crease)
    summed: Floats = (meets.astype(np.float32) @ normals[owner]).reshape(-1, 4, 3)
    return summed

"""Light that vehicles add by night: halos of lamps in the picture, and beams on the road."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats, Pose
from video_analysis.simulator.rendering.materials import INDEX
from video_analysis.simulator.rendering.mesh import Mesh

_HEAD = (INDEX["lamp"], INDEX["drl"])
_TAIL = INDEX["tail"]


@dataclass(frozen=True, slots=True, eq=False)
class Lamps:
    """A vehicle's lamps: places [n, 3] in its own metres, which way they shine, and whether they are head lamps."""

    places: Floats
    ways: Floats
    heads: NDArray[np.bool_]


@cache
def lamps_of(mesh: Mesh) -> Lamps:
    """One lamp for each of left and right, front and rear."""
    of_face = mesh.material[mesh.first]
    found: list[tuple[Floats, Floats, bool]] = []
    for head in (True, False):
        lit = np.isin(of_face, _HEAD) if head else of_face == _TAIL
        lit &= np.abs(mesh.facing[:, 0]) > 0.4
        for side in (mesh.centroid[:, 1] > 0.01, mesh.centroid[:, 1] < -0.01, np.abs(mesh.centroid[:, 1]) <= 0.01):
            chosen = np.flatnonzero(lit & side)
            if len(chosen):
                found.append((mesh.centroid[chosen].mean(axis=0), mesh.facing[chosen].mean(axis=0), head))
    return Lamps(
        np.array([place for place, _, _ in found], np.float32).reshape(-1, 3),
        np.array([way for _, way, _ in found], np.float32).reshape(-1, 3),
        np.array([head for _, _, head in found], bool),
    )


def add_halos(
    frame: NDArray[np.uint8],
    ids: NDArray[np.uint16],
    number: int,
    mesh: Mesh,
    pose: Pose,
    camera: Camera,
    *,
    strength: float,
    brakes: bool,
) -> None:
    """Add the halos of the lamps that face the camera and that nothing hides (`ids` holds each pixel's vehicle)."""
    lamps = lamps_of(mesh)
    if not len(lamps.places):
        return
    pixels, depth = camera.project(pose.to_world(lamps.places))
    to_eye = camera.eye - pose.to_world(lamps.places)
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    facing = (lamps.ways @ pose.rotation().T * to_eye).sum(axis=1)
    for (u, v), far, towards, head in zip(pixels, depth, facing, lamps.heads, strict=True):
        x, y = int(u), int(v)
        if (
            far < 1
            or towards < 0.12
            or not (0 <= x < camera.width_px and 0 <= y < camera.height_px)
            or ids[y, x] != number
        ):
            continue
        power = strength * float(towards) * (1.0 if head else 0.75 if brakes else 0.4)
        reach = camera.focal_px / float(far) * (0.55 if head else 0.28) + 3
        _add(frame, x, y, reach, power, (0.86, 0.95, 1.0) if head else (0.12, 0.12, 1.0))


@cache
def _halo(size: int) -> Floats:
    r = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, size),) * 2))
    shape: Floats = (0.75 * np.exp(-((r / 0.22) ** 2)) + 0.25 * np.clip(1 - r, 0, 1) ** 2).astype(np.float32)
    return shape


def _add(
    frame: NDArray[np.uint8], x: int, y: int, reach: float, power: float, tint: tuple[float, float, float]
) -> None:
    size = int(min(reach, 160)) * 2 + 1
    left, top = x - size // 2, y - size // 2
    a, b = max(left, 0), max(top, 0)
    c, d = min(left + size, frame.shape[1]), min(top + size, frame.shape[0])
    if c <= a or d <= b:
        return
    shape = _halo(size)[b - top : d - top, a - left : c - left]
    added = (shape[..., None] * np.array(tint, np.float32) * (255 * power)).astype(np.uint8)
    frame[b:d, a:c] = cv2.add(frame[b:d, a:c], added)


def beam(pose: Pose, length_m: float) -> Floats:
    """The part of the road that head lamps light, 4×3 world metres; `length_m` is the vehicle's."""
    front = length_m / 2
    outline = np.array(
        [[front + 0.6, 0.7, 0], [front + 14, 2.6, 0], [front + 14, -2.6, 0], [front + 0.6, -0.7, 0]], np.float32
    )
    return pose.to_world(outline)

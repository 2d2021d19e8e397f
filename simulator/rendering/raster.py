"""One vehicle's picture: faces painted from back to front into an index picture, then coloured pixel by pixel.

cv2.fillConvexPoly fills the index picture at twice the resolution; each face's colour is an affine function of
the pixel, fitted to its corners' shades (Gouraud). Only pixels whose four samples differ are worked out in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats, Pose
from video_analysis.simulator.rendering.gouraud import coloured, ramps
from video_analysis.simulator.rendering.lighting import Daylight, haze, shade
from video_analysis.simulator.rendering.mesh import Mesh
from video_analysis.simulator.rendering.ordering import back_to_front
from video_analysis.simulator.rendering.textures import SMALLEST_PX, Pictures, paste
from video_analysis.simulator.vehicles.paint import Skin

NEAREST_M = 0.4
SUBPIXEL_BITS = 4
LARGEST_PX = 4000
COARSENESS = 1.8
"""How many times its `detail` a face needs, in pixels a metre, to be painted."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One vehicle within the frame: colour premultiplied by coverage (BGR 0..1, h×w×3), and coverage (h×w)."""

    left: int
    top: int
    colour: Floats
    coverage: Floats

    @property
    def silhouette(self) -> NDArray[np.bool_]:
        """Pixels that the vehicle covers by half or more."""
        return self.coverage >= 0.5


def draw(
    mesh: Mesh,
    pose: Pose,
    camera: Camera,
    skin: Skin,
    light: Daylight,
    turn: float = 0.0,
    pictures: Pictures | None = None,
) -> Sprite | None:
    """Paint a vehicle through the air; None where nothing of it lies in the frame.

    `turn` is how far its wheels have rolled, metres.
    """
    chosen = _visible(mesh, pose.to_vehicle(camera.eye), camera)
    at, first, count = _corners_of(mesh, chosen)
    corners = pose.to_world(_roll(mesh, at, turn))
    pixels, depth = camera.project(corners)
    if not len(at) or float(depth.max()) < NEAREST_M:
        return None
    if float(depth.min()) < NEAREST_M:
        ahead = np.minimum.reduceat(depth, first) > NEAREST_M
        kept = np.repeat(ahead, count)
        chosen, at, corners, pixels = chosen[ahead], at[kept], corners[kept], pixels[kept]
        _, first, count = _corners_of(mesh, chosen)
    bounds = _bounds(pixels, camera) if len(at) else None
    if bounds is None:
        return None
    left, top, right, bottom = bounds
    local = pixels - np.array([left, top], np.float32)
    ids = _fill(local, first, count, (bottom - top, right - left))
    to_eye = camera.eye - corners
    to_eye /= np.sqrt((to_eye * to_eye).sum(axis=1, keepdims=True))
    normals = mesh.normals[at] @ pose.rotation().T
    shades = shade(light, skin, mesh.material[at], normals, to_eye, corners[:, 2])
    shades = haze(shades, light, float(np.linalg.norm(camera.eye - np.array([pose.x_m, pose.y_m, 0]))))
    colour, coverage = coloured(ids, ramps(local, shades, first, count))
    if pictures is not None:
        _paste_all(colour, ids, mesh, chosen, local, first, pictures)
    return Sprite(left, top, colour, coverage)


def _roll(mesh: Mesh, at: NDArray[np.int64], turn: float) -> Floats:
    """The chosen corners with the wheels turned."""
    corners: Floats = mesh.corners[at]
    wheel = mesh.wheel[at]
    spun = np.flatnonzero(wheel >= 0)
    if len(spun) and turn:
        hub = mesh.hubs[wheel[spun]]
        angle = turn / hub[:, 3]
        dx, dz = corners[spun, 0] - hub[:, 0], corners[spun, 2] - hub[:, 2]
        corners[spun, 0] = hub[:, 0] + dx * np.cos(angle) + dz * np.sin(angle)
        corners[spun, 2] = hub[:, 2] - dx * np.sin(angle) + dz * np.cos(angle)
    return corners


def _visible(mesh: Mesh, eye: Floats, camera: Camera) -> NDArray[np.int64]:
    """Faces to paint, back to front: those that look at the eye and are fine enough for the distance."""
    to_eye = eye - mesh.centroid
    distance = np.sqrt((to_eye * to_eye).sum(axis=1))
    fine = mesh.detail * COARSENESS <= camera.focal_px / np.maximum(distance, NEAREST_M)
    chosen = np.flatnonzero(((mesh.facing * to_eye).sum(axis=1) > 0) & fine)
    rank = np.empty(len(mesh.part_low), np.int64)
    rank[back_to_front(mesh.part_low, mesh.part_high, eye)] = np.arange(len(rank))
    layer = mesh.layer[chosen]
    near = np.where(layer <= 0, -distance[chosen], 0.0)
    order: NDArray[np.int64] = chosen[np.lexsort((chosen, near, layer, rank[mesh.part[chosen]]))]
    return order


def _corners_of(
    mesh: Mesh, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Corner indices of the chosen faces one after another, with each face's first and count in that row."""
    count = mesh.count[chosen]
    first = np.cumsum(count) - count
    at = np.repeat(mesh.first[chosen] - first, count) + np.arange(int(count.sum()))
    return at, first, count


def _bounds(pixels: Floats, camera: Camera) -> tuple[int, int, int, int] | None:
    low, high = np.floor(pixels.min(axis=0)).astype(int) - 1, np.ceil(pixels.max(axis=0)).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), camera.width_px), min(int(high[1]), camera.height_px)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _fill(
    local: Floats, first: NDArray[np.int64], count: NDArray[np.int64], size: tuple[int, int]
) -> NDArray[np.uint16]:
    """The index picture at twice the size: 0 where nothing is, k + 1 where face k is on top."""
    ids = np.zeros((size[0] * 2, size[1] * 2), np.uint16)
    clipped = np.clip(local * 2 - 0.5, -LARGEST_PX, LARGEST_PX)
    points = np.round(clipped * (1 << SUBPIXEL_BITS)).astype(np.int32)
    for index, (start, length) in enumerate(zip(first.tolist(), count.tolist(), strict=True)):
        cv2.fillConvexPoly(ids, points[start : start + length], index + 1, cv2.LINE_8, SUBPIXEL_BITS)
    return ids


def _paste_all(
    colour: Floats, ids: NDArray[np.uint16], mesh: Mesh, chosen: NDArray[np.int64], local: Floats,
    first: NDArray[np.int64], pictures: Pictures,
) -> None:  # fmt: skip
    for index, face in enumerate(chosen.tolist()):
        name = mesh.texture[face]
        start = int(first[index])
        if name is not None and float(np.abs(local[start + 1] - local[start]).max()) >= SMALLEST_PX:
            paste(colour, ids[::2, ::2] == index + 1, local[start : start + 4], pictures(name))

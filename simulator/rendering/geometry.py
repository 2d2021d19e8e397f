"""Where things stand and where the camera sees them: pinhole projection, right-handed metres. Pure.

The world's X runs along the road, Y to the left of it, Z up. A vehicle's own x points forward, y left, z up, with
its origin on the ground under its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Pose:
    """A vehicle's place: x_m, y_m of its middle on the ground, heading in radians from the world's X."""

    x_m: float
    y_m: float
    heading: float

    def rotation(self) -> Floats:
        """3×3, vehicle to world."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)

    def to_world(self, points: Floats) -> Floats:
        """N×3 in the vehicle's metres to N×3 in the world's."""
        moved: Floats = points @ self.rotation().T + np.array([self.x_m, self.y_m, 0], np.float32)
        return moved

    def to_vehicle(self, point: Floats) -> Floats:
        """One world point (3,) in the vehicle's own metres."""
        seen: Floats = (point - np.array([self.x_m, self.y_m, 0], np.float32)) @ self.rotation()
        return seen


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: place in metres, yaw from X (radians, left positive), pitch down, focal length in px."""

    name: str
    position: Point
    yaw: float
    pitch: float
    focal_px: float
    width_px: int = 1280
    height_px: int = 720
    axis_px: tuple[float, float] = (640.0, 360.0)
    """Where the optical axis meets the picture."""

    def cropped(self, left: int, top: int, width_px: int, height_px: int) -> Camera:
        """The same camera, of whose picture only a part is kept."""
        moved = (self.axis_px[0] - left, self.axis_px[1] - top)
        return replace(self, width_px=width_px, height_px=height_px, axis_px=moved)

    @cached_property
    def eye(self) -> Floats:
        """Its place as an array (3,)."""
        return np.array(self.position, np.float32)

    @cached_property
    def axes(self) -> Floats:
        """3×3: rows right, down, forward, in world metres."""
        cy, sy, cp, sp = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.pitch), math.sin(self.pitch)
        return np.array([[sy, -cy, 0], [-cy * sp, -sy * sp, -cp], [cy * cp, sy * cp, -sp]], np.float32)

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """N×3 world metres to (N×2 px, N depths in metres); points behind the camera have depths below 0.05."""
        seen = (points - self.eye) @ self.axes.T
        depth = seen[:, 2]
        scale = self.focal_px / np.maximum(depth, 0.05)
        pixels = seen[:, :2] * scale[:, None] + np.array(self.axis_px, np.float32)
        return pixels.astype(np.float32), depth

    def ground(self) -> tuple[Floats, Floats]:
        """Where each pixel's ray meets the ground: X and Y in metres, H×W; NaN from the horizon up."""
        u = (np.arange(self.width_px) + 0.5 - self.axis_px[0]) / self.focal_px
        v = (np.arange(self.height_px) + 0.5 - self.axis_px[1]) / self.focal_px
        right, down, forward = self.axes
        ray_z = v * down[2] + forward[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(ray_z < -1e-4, self.position[2] / -ray_z, np.nan)[:, None]
        x = self.position[0] + reach * (u[None, :] * right[0] + (v * down[0])[:, None] + forward[0])
        y = self.position[1] + reach * (u[None, :] * right[1] + (v * down[1])[:, None] + forward[1])
        return x.astype(np.float32), y.astype(np.float32)

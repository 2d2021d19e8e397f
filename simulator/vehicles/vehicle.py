"""One vehicle on the road: what it is, where it is, how it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from video_analysis.simulator.rendering.geometry import Pose
from video_analysis.simulator.rendering.raster import Sprite
from video_analysis.simulator.scenery.roadway import Direction
from video_analysis.simulator.vehicles.fleet import Look


@dataclass(slots=True, eq=False)
class Vehicle:
    """One vehicle on the road. `along` is metres in its own direction of travel, y the world's."""

    id: int
    look: Look
    direction: Direction
    along: float
    y: float
    lane: int
    speed: float
    wanted: float
    offset: float
    """How far from its lane's middle it likes to drive."""
    drift: float = 0.0
    """Sideways speed, m/s."""
    change_left_s: float = 0.0
    rolled: float = 0.0
    acceleration: float = 0.0
    painted: tuple[tuple[Pose, bool], Sprite | None] | None = None
    """Its last picture, and the state that it shows."""

    @property
    def x(self) -> float:
        """The world's X of its middle."""
        return self.along * self.direction

    @property
    def pose(self) -> Pose:
        """Its place, turned a little while it changes lanes."""
        straight = 0.0 if self.direction > 0 else math.pi
        return Pose(self.x, self.y, straight + self.direction * math.atan2(self.drift, max(self.speed, 3.0)))

    @property
    def braking(self) -> bool:
        """Whether its brake lamps are lit."""
        return self.acceleration < -0.6 or self.speed < 0.4

    @property
    def length(self) -> float:
        """Bumper to bumper, metres."""
        return float(self.look.mesh.high[0] - self.look.mesh.low[0])

    @property
    def width(self) -> float:
        """Over all, metres."""
        return float(self.look.mesh.high[1] - self.look.mesh.low[1])

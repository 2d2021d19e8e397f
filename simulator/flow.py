"""Traffic as it moves: car following, lane changes to overtake, signals that make queues, motorcycles that filter.

Car following is the Intelligent Driver Model (Treiber, Hennecke, Helbing, Phys. Rev. E 62, 1805, 2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.scenery.roadway import Direction, Roadway
from video_analysis.simulator.vehicles.fleet import sample_look
from video_analysis.simulator.vehicles.vehicle import Vehicle

SPEED_UP, SLOW_DOWN, HEADWAY_S, STANDSTILL_M = 1.7, 2.4, 1.25, 2.2
CHANGE_S = 2.6
SIDE_ROOM_M = 0.25


@dataclass(slots=True)
class Flow:
    """All vehicles of a scene, stepped through time. Everything random comes from `rng`."""

    road: Roadway
    rng: np.random.Generator
    arrivals_per_s: float
    """New vehicles in each lane a second."""
    stretch: tuple[float, float]
    """From which X to which the road is simulated."""
    vehicles: list[Vehicle] = field(default_factory=list)
    time_s: float = 0.0
    _next_id: int = 1
    _due: dict[tuple[Direction, int], float] = field(default_factory=dict)
    _cycle: tuple[float, float, float] = (11.0, 8.0, 0.0)

    def __post_init__(self) -> None:
        green, red = self.rng.uniform(8, 14), self.rng.uniform(6, 10)
        self._cycle = (float(green), float(red), float(self.rng.uniform(0, green + red)))
        for direction in (1, -1):
            for lane in range(self.road.lanes):
                self._due[direction, lane] = float(self.rng.exponential(1 / self.arrivals_per_s))

    def is_red(self) -> bool:
        """Whether the signal stops both directions now."""
        green, red, phase = self._cycle
        return self.road.signal_x is not None and (self.time_s + phase) % (green + red) > green

    def warm_up(self, seconds: float = 45.0, step_s: float = 0.2) -> None:
        """Fill the road."""
        for _ in range(int(seconds / step_s)):
            self.step(step_s)

    def step(self, dt: float) -> None:
        """Move everything by dt seconds."""
        self.time_s += dt
        if self.vehicles:
            self._drive(dt)
        self.vehicles = [one for one in self.vehicles if one.along - one.length < self._end(one.direction)]
        for key in self._due:
            if self.time_s >= self._due[key] and self._enter(*key):
                self._due[key] = self.time_s + float(self.rng.exponential(1 / self.arrivals_per_s))

    def _start(self, direction: Direction) -> float:
        return self.stretch[0] if direction > 0 else -self.stretch[1]

    def _end(self, direction: Direction) -> float:
        return self.stretch[1] if direction > 0 else -self.stretch[0]

    def _enter(self, direction: Direction, lane: int) -> bool:
        """Put a new vehicle at the lane's beginning, if there is room."""
        look = sample_look(self.rng)
        rides = look.model.type == "Motorcycle"
        offset = (
            float(self.rng.choice([-1, 1]) * self.rng.uniform(0.6, 1.4)) if rides else float(self.rng.normal(0, 0.15))
        )
        y = self.road.lane_y(direction, lane) + offset
        length = float(look.mesh.high[0] - look.mesh.low[0])
        along = self._start(direction) - length / 2
        ahead = [one for one in self.vehicles if one.direction == direction and abs(one.y - y) < 2.2]
        gap = min((one.along - one.length / 2 - along - length / 2 for one in ahead), default=99.0)
        if gap < 6.0:
            return False
        wanted = look.model.speed_m_s * float(self.rng.uniform(0.75, 1.2))
        speed = min(wanted, gap / 1.6, 99.0)
        self.vehicles.append(Vehicle(self._next_id, look, direction, along, y, lane, speed, wanted, offset))
        self._next_id += 1
        return True

    def _drive(self, dt: float) -> None:
        gap, closing = self._ahead()
        for index, one in enumerate(self.vehicles):
            one.acceleration = _follow(one.speed, one.wanted, float(gap[index]), float(closing[index]))
            self._consider_overtaking(one, float(gap[index]), float(closing[index]))
        for one in self.vehicles:
            before, one.speed = one.speed, max(0.0, one.speed + one.acceleration * dt)
            moved = (before + one.speed) / 2 * dt
            one.along, one.rolled = one.along + moved, one.rolled + moved
            self._steer(one, dt)

    def _ahead(self) -> tuple[Floats, Floats]:
        """Free metres before each vehicle, and how fast it closes in on what is there."""
        along = np.array([one.along for one in self.vehicles])
        y = np.array([one.y for one in self.vehicles])
        speed = np.array([one.speed for one in self.vehicles])
        half_length = np.array([one.length for one in self.vehicles]) / 2
        half_width = np.array([one.width for one in self.vehicles]) / 2
        way = np.array([one.direction for one in self.vehicles])
        distance = along[None] - along[:, None] - half_length[None] - half_length[:, None]
        in_the_way = (np.abs(y[None] - y[:, None]) < half_width[None] + half_width[:, None] + SIDE_ROOM_M) & (
            way[None] == way[:, None]
        )
        in_the_way &= along[None] > along[:, None]
        distance = np.where(in_the_way, distance, 1e3)
        leader = distance.argmin(axis=1)
        gap = distance[np.arange(len(along)), leader]
        closing = np.where(gap < 900, speed - speed[leader], 0.0)
        if self.is_red() and self.road.signal_x is not None:
            stop = np.array([self.road.signal_x[one.direction] * one.direction for one in self.vehicles])
            to_line = stop - along - half_length
            waits = (to_line > -0.5) & (to_line < gap) & (to_line > speed**2 / 9)
            gap, closing = np.where(waits, np.maximum(to_line + 1.2, 0.1), gap), np.where(waits, speed, closing)
        return gap.astype(np.float32), closing.astype(np.float32)

    def _consider_overtaking(self, one: Vehicle, gap: float, closing: float) -> None:
        """Change to a neighbouring lane when held up, there is room, and the whim takes the driver."""
        held_up = gap < 22 and (closing > 0.5 or one.wanted - one.speed > 2.5) and one.speed > 2.5
        if one.change_left_s > 0 or not held_up or self.rng.random() > 0.03:
            return
        for lane in (one.lane - 1, one.lane + 1):
            if 0 <= lane < self.road.lanes and self._free(one, self.road.lane_y(one.direction, lane)):
                one.lane, one.change_left_s = lane, CHANGE_S
                return

    def _free(self, one: Vehicle, y: float) -> bool:
        for other in self.vehicles:
            bound_for = self.road.lane_y(other.direction, other.lane)
            elsewhere = min(abs(other.y - y), abs(bound_for - y)) > 2.4
            if other is one or other.direction != one.direction or elsewhere:
                continue
            clear = abs(other.along - one.along) - (other.length + one.length) / 2
            if clear < (4.0 if other.along > one.along else 7.0 + max(0.0, other.speed - one.speed) * 2.5):
                return False
        return True

    def _steer(self, one: Vehicle, dt: float) -> None:
        """Drift towards the lane's middle, gently; nobody moves sideways while standing."""
        target = self.road.lane_y(one.direction, one.lane) + one.offset
        one.change_left_s = max(0.0, one.change_left_s - dt)
        pull = float(np.clip((target - one.y) * 1.1, -1.7, 1.7)) * min(1.0, one.speed / 4.0)
        if abs(pull) > 0.05 and self._would_touch(one, math.copysign(1.0, pull)):
            pull, one.drift = 0.0, 0.0
        one.drift += (pull - one.drift) * min(1.0, dt * 2.5)
        one.y += one.drift * dt

    def _would_touch(self, one: Vehicle, way: float) -> bool:
        """Whether somebody drives beside it on the side that it drifts to."""
        for other in self.vehicles:
            if other is one or other.direction != one.direction or (other.y - one.y) * way < 0:
                continue
            beside = abs(other.along - one.along) < (other.length + one.length) / 2 + 1.0
            if beside and abs(other.y - one.y) < (other.width + one.width) / 2 + SIDE_ROOM_M + 0.1:
                return True
        return False


def _follow(speed: float, wanted: float, gap: float, closing: float) -> float:
    """The IDM's acceleration, m/s²."""
    desired = STANDSTILL_M + max(0.0, speed * HEADWAY_S + speed * closing / (2 * math.sqrt(SPEED_UP * SLOW_DOWN)))
    free = 1 - (speed / wanted) ** 4
    return max(-6.5, SPEED_UP * (free - (desired / max(gap, 0.2)) ** 2))

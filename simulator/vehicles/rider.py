"""People on motorcycles: riders in the posture that seat, bars and pegs ask for, pillions and delivery boxes."""

from __future__ import annotations

from dataclasses import dataclass

from video_analysis.simulator.rendering.geometry import Point
from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.simulator.rendering.primitives import ball, box, tube


@dataclass(frozen=True, slots=True)
class Posture:
    """Where a rider is held, in the motorcycle's x, z (and half width of the bars), metres."""

    seat: tuple[float, float]
    bars: tuple[float, float, float]
    pegs: tuple[float, float]
    lean: float = 0.12
    """How far the shoulders are ahead of the hips."""


def add_rider(
    builder: MeshBuilder, posture: Posture, *, cloth: str = "cloth", helmet: str = "helmet", reach: bool = True
) -> None:
    """Add one person as three parts: left leg, right leg, and all above the seat."""
    hip_x, hip_z = posture.seat
    for side in (1, -1):
        builder.part += 1
        _leg(builder, posture, side)
    builder.part += 1
    shoulders = (hip_x + posture.lean, 0.0, hip_z + 0.52)
    tube(builder, (hip_x, 0, hip_z + 0.02), (hip_x + posture.lean * 0.5, 0, hip_z + 0.28), (0.17, 0.17), cloth, sides=8)
    tube(builder, (hip_x + posture.lean * 0.5, 0, hip_z + 0.26), shoulders, (0.17, 0.19), cloth, sides=8)
    for side in (1, -1):
        _arm(builder, posture, shoulders, side, cloth, reach=reach)
    _head(builder, (shoulders[0] + 0.05, 0, shoulders[2] + 0.2), helmet)


def _leg(builder: MeshBuilder, posture: Posture, side: int) -> None:
    hip: Point = (posture.seat[0] + 0.02, side * 0.13, posture.seat[1] + 0.06)
    knee: Point = (posture.seat[0] + 0.42, side * 0.2, posture.seat[1] + 0.0)
    foot: Point = (posture.pegs[0], side * 0.2, posture.pegs[1] + 0.06)
    tube(builder, hip, knee, (0.1, 0.075), "trousers", sides=6)
    tube(builder, knee, foot, (0.075, 0.05), "trousers", sides=6)
    box(
        builder,
        (foot[0] - 0.08, foot[0] + 0.18),
        (foot[1] - 0.05, foot[1] + 0.05),
        (foot[2] - 0.07, foot[2] + 0.03),
        "seat",
    )


def _arm(builder: MeshBuilder, posture: Posture, shoulders: Point, side: int, cloth: str, *, reach: bool) -> None:
    start: Point = (shoulders[0], side * 0.2, shoulders[2] - 0.03)
    hand: Point = (posture.bars[0] - 0.05, side * posture.bars[2], posture.bars[1] + 0.03)
    if not reach:
        hand = (posture.seat[0] + 0.3, side * 0.16, posture.seat[1] + 0.15)
    elbow: Point = ((start[0] + hand[0]) / 2 - 0.06, side * 0.3, (start[2] + hand[2]) / 2 - 0.1)
    ball(builder, start, (0.085, 0.085, 0.085), cloth, rings=3, sides=6)
    tube(builder, start, elbow, (0.07, 0.055), cloth, sides=6)
    tube(builder, elbow, hand, (0.052, 0.04), "skin", sides=6)


def _head(builder: MeshBuilder, at: Point, helmet: str) -> None:
    x, y, z = at
    ball(builder, (x + 0.02, y, z - 0.02), (0.115, 0.1, 0.12), "skin", rings=4, sides=8)
    ball(builder, (x, y, z), (0.15, 0.135, 0.15), helmet, rings=4, sides=10, lowest=-0.25)
    builder.layer = 1
    turn = ((0.02, -0.11, 0.0), (0.13, -0.075, 0.0), (0.155, 0, 0.0), (0.13, 0.075, 0.0), (0.02, 0.11, 0.0))
    low = [(x + dx, y + dy, z - 0.05) for dx, dy, _ in turn]
    high = [(x + dx * 0.98, y + dy, z + 0.055) for dx, dy, _ in reversed(turn)]
    builder.face(low + high, "glass", outward=(1, 0, 0.1), bulge=0.4)
    builder.layer = 0


def add_box(builder: MeshBuilder, x: float, z: float, material: str = "cargo") -> None:
    """A delivery box behind the seat."""
    builder.part += 1
    box(builder, (x - 0.24, x + 0.22), (-0.23, 0.23), (z, z + 0.45), material, top=0.96)
    builder.layer = 1
    corners = [
        (x - 0.246, 0.14, z + 0.3),
        (x - 0.246, -0.14, z + 0.3),
        (x - 0.246, -0.14, z + 0.16),
        (x - 0.246, 0.14, z + 0.16),
    ]
    builder.face(corners, "white", outward=(-1, 0, 0))
    builder.layer = 0

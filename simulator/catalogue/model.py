"""What the catalogue says of one model: its names, its body, and how it is painted and driven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from video_analysis.simulator.rendering.mesh import Mesh
from video_analysis.simulator.rendering.mesh_builder import MeshBuilder
from video_analysis.worker_utils.contracts.messages import YoloType


@dataclass(frozen=True)
class Model:
    """One line of the hierarchy type → make → model."""

    type: YoloType
    make: str
    model: str
    build: Callable[[MeshBuilder, int], None]
    coats: int = 1
    """How many of its materials paint, paint2 and paint3 are colours of its own."""
    palettes: tuple[str, ...] = ("common", "common", "common")
    yellow_plate: bool = False
    speed_m_s: float = 11.0
    """What its drivers like to go in town."""
    variants: int = 1
    """Loads, riders and the like: in how many ways it can be built."""

    def mesh(self, variant: int = 0) -> Mesh:
        """Its body, built once for each variant."""
        return _mesh(self, variant % self.variants)


@cache
def _mesh(model: Model, variant: int) -> Mesh:
    builder = MeshBuilder()
    model.build(builder, variant)
    return builder.build()

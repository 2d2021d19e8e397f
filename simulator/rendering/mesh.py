"""A vehicle's faces as flat arrays.

Faces are convex polygons, wound so that their normal points outwards. Each belongs to a part (a box that another
part's box does not cut: parts are ordered among each other by separating planes) and to a layer of that part
(0 and below: sorted by distance; above: details that lie on the layers below, painted in the order they were added).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """V corners in F faces; corner arrays are [V, …], face arrays [F, …], metres in the vehicle's frame."""

    corners: Floats
    normals: Floats
    material: Integers
    wheel: Integers
    """Which wheel a corner turns with, or -1."""
    hubs: Floats
    """W×4: centre and radius of each wheel."""
    first: Integers
    count: Integers
    centroid: Floats
    facing: Floats
    part: Integers
    layer: Integers
    detail: Floats
    """Pixels a metre below which the face is left out."""
    texture: tuple[str | None, ...]
    part_low: Floats
    part_high: Floats

    @property
    def low(self) -> Floats:
        """The whole vehicle's smallest x, y, z."""
        lowest: Floats = self.part_low.min(axis=0)
        return lowest

    @property
    def high(self) -> Floats:
        """The whole vehicle's largest x, y, z."""
        highest: Floats = self.part_high.max(axis=0)
        return highest

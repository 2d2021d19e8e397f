"""Which of several boxes hides which: the painter's order without a depth buffer. Pure.

Two boxes that some axis separates never hide each other both ways: the one on the eye's side of the plane
between them is painted later. (Newell, Newell, Sancha, A solution to the hidden surface problem, 1972.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats

TOLERANCE_M = 0.02
DONE = 1_000_000


def back_to_front(low: Floats, high: Floats, eye: Floats) -> list[int]:
    """Indices of the boxes low[N,3]..high[N,3] as they must be painted for an eye at (3,)."""
    forbidden = ~may_be_painted_after(low, high, eye)
    np.fill_diagonal(forbidden, False)
    hidden_by_waiting = forbidden.sum(axis=0)
    distance = np.linalg.norm((low + high) / 2 - eye, axis=1)
    order: list[int] = []
    for _ in range(len(low)):
        free = np.where(hidden_by_waiting <= 0, distance, -1.0)
        chosen = int(free.argmax() if free.max() >= 0 else np.where(hidden_by_waiting < DONE, distance, -1.0).argmax())
        hidden_by_waiting = hidden_by_waiting - forbidden[chosen]
        hidden_by_waiting[chosen] = DONE * 2
        order.append(chosen)
    return order


def may_be_painted_after(low: Floats, high: Floats, eye: Floats) -> NDArray[np.bool_]:
    """N×N: [a, b] is true where nothing of b can stand between the eye and a.

    Boxes that cut each other slightly are judged along the axis on which they do so least.
    """
    above = low[:, None] - high[None]
    gap = np.maximum(above, above.swapaxes(0, 1))
    decides = (gap >= -TOLERANCE_M) | (gap == gap.max(axis=2, keepdims=True))
    a_is_above = low[:, None] + high[:, None] >= low[None] + high[None]
    plane = np.where(a_is_above, low[:, None] + high[None], low[None] + high[:, None]) / 2
    far_side = np.maximum(gap, 0) / 2
    eye_above, eye_below = eye >= plane - far_side, eye <= plane + far_side
    allowed: NDArray[np.bool_] = (decides & np.where(a_is_above, eye_above, eye_below)).any(axis=2)
    return allowed

"""Detects interlaced video that is not flagged as such, and its field order, from the luma of consecutive frames. Pure.

A progressive frame is smooth from line to line. An interlaced one shows two instants: where the picture moves, its
lines alternate between them. Two more frames are woven from the fields of a frame and its predecessor. In progressive
video both show two instants and the frame itself one. In interlaced video one of them shows instants that are as close
as those of the frame itself, the other one instants that are three times as far apart; which one it is gives the field
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FieldOrder = Literal["tff", "bff"]
"""Top or bottom field first."""
Luma = NDArray[np.uint8]
"""H×W."""

SAMPLED_COLUMNS = 240
MOVING_LEVELS = 10
"""A pixel moves if it differs by more from the same pixel of the previous frame."""
LEAST_MOVING_SHARE = 0.002
"""Of the pixels. Frames with less motion do not count."""
AS_COMBED = (0.7, 1.4)
"""Bounds of the frame's own combing as a multiple of that of the less combed weave, in interlaced video."""
LESS_COMBED = 0.75
"""The less combed weave has at most this share of the combing of the other one."""
VOTES_NEEDED = 9
MOST_VOTERS = 24
"""Frame pairs with motion, after which a video without a decision is progressive."""
MOST_PAIRS = 250
"""The same for all frame pairs."""


class FieldOrderDetector:
    """Takes the luma of the frames in order. Decides once."""

    def __init__(self) -> None:
        self._previous: NDArray[np.int16] | None = None
        self._votes: dict[FieldOrder, int] = {"tff": 0, "bff": 0}
        self._pairs = self._voters = 0

    @property
    def is_decided(self) -> bool:
        """Further frames change nothing."""
        return self.order is not None or self._voters >= MOST_VOTERS or self._pairs >= MOST_PAIRS

    @property
    def order(self) -> FieldOrder | None:
        """None for progressive video, and as long as nothing is decided."""
        tff, bff = self._votes["tff"], self._votes["bff"]
        if max(tff, bff) < VOTES_NEEDED or min(tff, bff) > 0:
            return None
        return "tff" if tff else "bff"

    def observe(self, luma: Luma) -> None:
        """Compare the frame with its predecessor. Frames must have equal sizes."""
        sampled = luma[: luma.shape[0] // 2 * 2, :: max(1, luma.shape[1] // SAMPLED_COLUMNS)].astype(np.int16)
        if self._previous is not None:
            self._pairs += 1
            combing = measure(self._previous, sampled)
            if combing is not None:
                self._voters += 1
                if combing.order is not None:
                    self._votes[combing.order] += 1
        self._previous = sampled


@dataclass(frozen=True, slots=True)
class Combing:
    """How much neighbouring lines alternate where the picture moves, in levels, summed over these pixels."""

    frame: float
    with_earlier_bottom: float
    """Its top field with the bottom field of the previous frame."""
    with_earlier_top: float

    @property
    def order(self) -> FieldOrder | None:
        """None for progressive video."""
        less, more = sorted((self.with_earlier_bottom, self.with_earlier_top))
        if not AS_COMBED[0] * less < self.frame < AS_COMBED[1] * less or less >= LESS_COMBED * more:
            return None
        return "tff" if self.with_earlier_bottom < self.with_earlier_top else "bff"


def measure(previous: NDArray[np.int16], current: NDArray[np.int16]) -> Combing | None:
    """Of two frames of equal size and even height. None if too little moves."""
    top, bottom = current[0::2], current[1::2]
    earlier_top, earlier_bottom = previous[0::2], previous[1::2]
    moving = (np.abs(top - earlier_top) > MOVING_LEVELS) | (np.abs(bottom - earlier_bottom) > MOVING_LEVELS)
    where = np.nonzero(moving[:-1])
    if len(where[0]) < max(1, LEAST_MOVING_SHARE * moving.size):
        return None

    def combing(upper: NDArray[np.int16], lower: NDArray[np.int16]) -> float:
        below = where[0] + 1, where[1]
        return float(np.abs(2 * lower[where] - upper[where] - upper[below]).sum())

    return Combing(combing(top, bottom), combing(top, earlier_bottom), combing(earlier_top, bottom))

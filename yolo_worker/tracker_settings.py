"""When two detections are one vehicle: the constants of tracking. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

ASSOCIATION = 3
"""Raised whenever association.py finds other tracks than before: then a rerun is another run."""
FEWEST_HITS = 2
"""A vehicle seen in one frame alone is taken for a slip of the detector."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When two detections are one vehicle. All of it decides which tracks are found."""

    n_init: int
    """Detections in consecutive processed frames that confirm a track, at most."""
    confirm_s: float
    """A track need not be watched for longer than this: at large strides fewer detections confirm it, two at least."""
    confidence: float
    """At least one detection of a confirmed track is this sure."""
    max_age_s: float
    """A track ends when it has not been seen for this long; sooner where its vehicle must have left the frame."""
    gap_s: float
    """Up to here a track that was lost is found again by its place alone; later by its appearance as well."""
    speed: float
    """How far a vehicle may move in a second, in lengths of its box."""
    max_cosine: float
    max_iou_distance: float
    nn_budget: int
    """Appearance vectors kept of each track: the cost of a frame grows with them."""
    look_s: float
    """A track whose place tells it beyond doubt is looked at no more often than this."""

    def hits(self, interval_s: float) -> int:
        """Detections that confirm a track, at this interval between processed frames."""
        return max(FEWEST_HITS, min(self.n_init, math.floor(self.confirm_s / interval_s)))

    def max_age(self, interval_s: float) -> int:
        """Processed frames that a track may go unseen."""
        return max(1, math.floor(self.max_age_s / interval_s))

    @property
    def traits(self) -> Mapping[str, object]:
        """What enters the run's key."""
        return {"association": ASSOCIATION, **asdict(self)}

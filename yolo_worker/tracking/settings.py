"""The constants of tracking, and the settings in seconds as numbers of processed frames. Pure."""

from __future__ import annotations

import math

from video_analysis.worker_config import TrackSettings

ASSOCIATION = 3
"""Part of the run key. Raised whenever the same detections give other tracks than before: a rerun is then another run.

tests/golden_tracks.json has the tracks of this version.
"""
FEWEST_HITS = 2
"""A vehicle detected in a single frame is taken for a false detection."""


def hits(settings: TrackSettings, interval_s: float) -> int:
    """Detections that confirm a track, at this interval between processed frames."""
    return max(FEWEST_HITS, min(settings.n_init, math.floor(settings.confirm_s / interval_s)))


def max_age(settings: TrackSettings, interval_s: float) -> int:
    """Processed frames that a track may be without a detection."""
    return max(1, math.floor(settings.max_age_s / interval_s))

"""Constants of tracking, and settings in seconds converted to processed frames. Pure."""

from __future__ import annotations

import math

from video_analysis.worker_config import TrackSettings

ASSOCIATION = 4
"""Version of the association, part of the run key. Increase it if a change gives other tracks for the same detections.

tests/support/golden_tracks.json has the tracks of this version.
"""
FEWEST_HITS = 2
"""A vehicle that was detected in only one frame counts as a false detection."""


def hits(settings: TrackSettings, interval_s: float) -> int:
    """Consecutive detections that confirm a track; `interval_s` is the time between two processed frames."""
    return max(FEWEST_HITS, min(settings.n_init, math.floor(settings.confirm_s / interval_s)))


def max_age(settings: TrackSettings, interval_s: float) -> int:
    """Processed frames without a detection after which a track ends."""
    return max(1, math.floor(settings.max_age_s / interval_s))

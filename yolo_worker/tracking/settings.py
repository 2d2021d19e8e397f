"""Constants of tracking, and the rule of confirmation. Pure."""

from __future__ import annotations

from video_analysis.worker_config import TrackSettings

ASSOCIATION = 11
"""Version of the association, part of the run key. Increase it if a change gives other tracks for the same detections.

tests/support/golden_tracks.json has the tracks of this version.
"""
FEWEST_HITS = 2
"""A vehicle that was detected in only one frame counts as a false detection."""
LONGEST_STEP_S = 10.0
"""Time between two consecutive frames over which a track continues; live cameras and sparse recordings have gaps."""


def is_confirming(settings: TrackSettings, hits: int, elapsed_s: float) -> bool:
    """So many detections within `elapsed_s` confirm a track: `n_init`, or fewer if the next came after `confirm_s`."""
    if hits < FEWEST_HITS:
        return False
    return hits >= settings.n_init or elapsed_s * (hits + 1) / (hits - 1) > settings.confirm_s


def hits(settings: TrackSettings, interval_s: float) -> int:
    """Consecutive detections that confirm a track; `interval_s` is the time between two processed frames."""
    needed = FEWEST_HITS
    while not is_confirming(settings, needed, (needed - 1) * interval_s):
        needed += 1
    return needed

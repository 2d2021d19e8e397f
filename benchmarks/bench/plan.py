"""The amount of work per section. Full: up to 20 minutes on two idle cores. Short: a functional test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Lengths, in frames unless stated otherwise."""

    rounds: int
    """Rounds of worker, stages and peers; each round gives one sample of each figure."""
    headline_frames: int
    """Enough that the download and the last uploads are negligible. The decoded frames are held in memory while a
    stage runs alone: 2.8 MB each at 720p."""
    ablation_rounds: int
    stage_frames: int
    """Frames of a run of the ablations."""
    ablation_snapshots: int
    baseline_frames: int
    track_frames: int
    rendered_s: float
    """Seconds of each rendered clip."""
    early_s: float
    """Seconds of the clip whose first vehicle leaves early, if it is rendered."""
    large_snapshots: int
    """Snapshots of a run of stage 2 with a model of usual size."""
    small_snapshots: int
    """Snapshots of a run of stage 2 with the demo's model."""
    stage_two_runs: int
    forward_batches: int


FULL = Plan(
    rounds=3,
    headline_frames=300,
    ablation_rounds=3,
    stage_frames=90,
    ablation_snapshots=100,
    baseline_frames=30,
    track_frames=60,
    rendered_s=8.0,
    early_s=40.0,
    large_snapshots=40,
    small_snapshots=300,
    stage_two_runs=3,
    forward_batches=4,
)
SHORT = Plan(
    rounds=1,
    headline_frames=40,
    ablation_rounds=1,
    stage_frames=16,
    ablation_snapshots=10,
    baseline_frames=8,
    track_frames=12,
    rendered_s=1.0,
    early_s=4.0,
    large_snapshots=10,
    small_snapshots=20,
    stage_two_runs=1,
    forward_batches=2,
)

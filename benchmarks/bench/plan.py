"""How much of everything is run. Full: up to 20 minutes on two idle cores; short: to see that it runs at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Lengths, in frames of the clips at hand unless stated otherwise."""

    rounds: int
    """Of worker, stages, stock, track, worker, …; each gives one sample of each."""
    headline_frames: int
    """Long enough that fetching the file and the last pictures do not weigh: a camera's file holds minutes.
    Held decoded in memory while a stage runs alone: 2.8 MB each at 720p."""
    ablation_rounds: int
    stage_frames: int
    """Of a run of the ablations."""
    ablation_snapshots: int
    baseline_frames: int
    track_frames: int
    rendered_s: float
    """Seconds of each clip of the traffic world."""
    early_s: float
    """Seconds of the clip whose first vehicle leaves early, where it is rendered."""
    large_snapshots: int
    """A run of stage 2 with the model of usual size."""
    small_snapshots: int
    """A run of stage 2 with the demo's own model."""
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

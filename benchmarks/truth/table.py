"""Scores as lines of a table, and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from video_analysis.benchmarks.truth.scorer import Score, snapshots_per_vehicle

COLUMNS = ("vehicles", "covered", "missed", "duplicates", "false", "exactly_one", "wrong_merges")
HEAD = f"{'clip':<34}{'stride':>7}" + "".join(f"{column:>13}" for column in COLUMNS)


def line(name: str, stride: int, counts: Counter[str]) -> str:
    """One row of the table."""
    return f"{name:<34}{stride:>7}" + "".join(f"{counts[column]:>13}" for column in COLUMNS)


def total(stride: int, counts: Counter[str]) -> str:
    """The row of all clips together."""
    return f"{line('all', stride, counts)}  {snapshots_per_vehicle(counts):.2f} snapshots per vehicle"


def unscored(name: str, stride: int, snapshots: int) -> str:
    """The row of a clip without a truth."""
    return f"{name:<34}{stride:>7}  {snapshots} snapshots, no truth"


def details(found: Score) -> dict[str, object]:
    """Ids of what is wrong: vehicles that are missed or have several tracks, false tracks, and wrong merges."""
    doubled: Mapping[int, object] = {vehicle: [*tracks] for vehicle, tracks in found.shown.items() if len(tracks) > 1}
    return {
        "missed": [vehicle for vehicle, tracks in found.shown.items() if not tracks],
        "doubled": doubled,
        "false": [*found.false_tracks],
        "wrong_merges": {track: [*ids] for track, ids in found.wrong_merges.items()},
    }

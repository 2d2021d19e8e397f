"""The differences of two runs as lines for a terminal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from video_analysis.ops.diff.vehicles import RunDiff, Vehicle
from video_analysis.ops.run_row import RunRow
from video_analysis.yolo_worker.runs import overrides, snapshot_settings

NONE = "–"
SETTING_AT = {".".join(snapshot_settings.path_of(name)): name for name in overrides.ALLOWED}
"""Place in the fields of the run key → name of the override."""


def lines(before: RunRow, after: RunRow, diff: RunDiff) -> Iterator[str]:
    """The figures, the settings that differ, and one line per vehicle that differs."""
    yield f"A {before.id} ({before.run_type}, {before.status}), B {after.id} ({after.run_type}, {after.status})"
    for name, one, other in settings_of(before, after):
        yield f"  {name}: A {one}, B {other}"
    if diff.until_ms is not None:
        yield limit_of(before, after, diff)
    yield (
        f"same best frame {len(diff.same)}, another best frame {len(diff.other_frame)}, new in B {len(diff.new)},"
        f" gone {len(diff.gone)}"
    )
    for vehicle in diff.new:
        yield f"new     {_vehicle(vehicle)}"
    for vehicle in diff.gone:
        yield f"gone    {_vehicle(vehicle)}"
    for pair in diff.other_frame:
        yield f"other   {_vehicle(pair.before)} → {_vehicle(pair.after)}"


def limit_of(before: RunRow, after: RunRow, diff: RunDiff) -> str:
    """Up to where runs that are not completed can be compared."""
    runs = {"A": before, "B": after}
    unfinished = [f"{name} is {run.status}" for name, run in runs.items() if run.status != "completed"]
    seconds = (diff.until_ms or 0) / 1000
    return (
        f"{', '.join(unfinished)}: only the first {seconds:.3f} s are compared, {diff.left_out} vehicles after that are"
        " left out. A vehicle that was still in the picture can be missing"
    )


def settings_of(before: RunRow, after: RunRow) -> list[tuple[str, str, str]]:
    """(name, value of the first run, value of the second) of each setting of the run key that differs.

    What can be overridden has the name with which `ops replay` sets it.
    """
    one, other = _flat(before.config_snapshot or {}), _flat(after.config_snapshot or {})
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return [(SETTING_AT.get(name, name), one.get(name, NONE), other.get(name, NONE)) for name in names]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: json.dumps(value)}
    return found


def _vehicle(vehicle: Vehicle) -> str:
    return f"track {vehicle.track_id} at {vehicle.offset_ms / 1000:.3f} s ({vehicle.type})"

"""The settings in the `config_snapshot` of a run, by the names of their overrides. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from video_analysis.yolo_worker.runs import overrides

GROUPS = {
    "detector": ("detector",),
    "track": ("tracker",),
    "best": ("snapshot", "selection"),
    "snapshot": ("snapshot", "selection"),
}
"""Group of settings → its place in the fields of the run key."""
RENAMED = {"track.embed_interval_s": "look_s"}


def path_of(name: str) -> tuple[str, ...]:
    """The place of a setting in the fields of the run key, whose names are frozen."""
    if name == overrides.STRIDE:
        return ("stride",)
    group, _, field = name.partition(".")
    return (*GROUPS[group], RENAMED.get(name, field))


def by_name(snapshot: object) -> dict[str, object]:
    """The settings that can be overridden. `snapshot` is the value of a jsonb column: it may be anything."""
    found = {name: _at(snapshot, path_of(name)) for name in overrides.ALLOWED}
    return {name: value for name, value in found.items() if value is not None}


def _at(values: object, path: tuple[str, ...]) -> object:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values

"""Settings that a run may override: an allow-list with the types and bounds of the configuration. Pure.

An override has the name of its setting, as `track.max_age_s`. Weights, paths, queues and the database have none.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError

from video_analysis.worker_config import BestSettings, DetectorSettings, SnapshotSettings, TrackSettings
from video_analysis.worker_utils.contracts.messages import LARGEST_INT4
from video_analysis.worker_utils.db.run_types import Overrides, ReplayStage
from video_analysis.worker_utils.errors import Permanent

STAGES: tuple[ReplayStage, ...] = get_args(ReplayStage)
"""In the order of processing."""
STRIDE = "frame_stride"
GROUPS: Mapping[str, type[BaseModel]] = {
    "detector": DetectorSettings,
    "track": TrackSettings,
    "best": BestSettings,
    "snapshot": SnapshotSettings,
}
ALLOWED: Mapping[str, ReplayStage] = {
    STRIDE: "detect",
    **dict.fromkeys(("detector.confidence", "detector.iou", "detector.size_px"), "detect"),
    **dict.fromkeys((f"track.{name}" for name in TrackSettings.model_fields), "track"),
    **dict.fromkeys((f"best.{name}" for name in BestSettings.model_fields), "select"),
    "snapshot.crop_margin": "select",
}
"""Override → the first stage that it changes."""
LIKE_NAME, LIKE_FIELD = 0.8, 0.75
"""Least similarity of two names: whole, and without their group."""


def checked(overrides: object, replay_from: ReplayStage, inherited: Overrides | None = None) -> Overrides:
    """The overrides with the types of their settings. Permanent names what is wrong.

    `overrides` is the value of a jsonb column: it may be anything.

    An override must not change a stage before `replay_from`, since that stage does not run again: it must be one of the
    parent's (`inherited`).
    """
    if not isinstance(overrides, Mapping):
        raise Permanent(_not_an_object(overrides), code="override_refused")
    values = {name: _checked(name, value) for name, value in overrides.items()}
    for name, value in values.items():
        if (inherited or {}).get(name) == value:
            continue
        if is_before(name, replay_from):
            raise _refused(name, f"changes the stage {ALLOWED[name]}, but the replay begins at {replay_from}")
    return values


def usable(overrides: object) -> tuple[Overrides, list[str]]:
    """The overrides that are not refused, and why the others are: of settings that are stored for longer than a run.

    `overrides` is the value of a jsonb column: it may be anything.
    """
    if not isinstance(overrides, Mapping):
        return {}, [_not_an_object(overrides)]
    values: dict[str, object] = {}
    refusals: list[str] = []
    for name, value in overrides.items():
        try:
            values[name] = _checked(name, value)
        except Permanent as refused:
            refusals.append(str(refused))
    return values, refusals


def is_before(name: str, stage: ReplayStage) -> bool:
    """Whether a setting changes a stage before this one."""
    return STAGES.index(ALLOWED[name]) < STAGES.index(stage)


def of_group(overrides: Overrides, group: str) -> dict[str, object]:
    """The overrides of one group of settings, by the names in it."""
    prefix = f"{group}."
    return {name.removeprefix(prefix): value for name, value in overrides.items() if name.startswith(prefix)}


def _checked(name: str, value: object) -> object:
    if name not in ALLOWED:
        raise _refused(name, f"cannot be overridden; {_instead_of(name)}")
    if name == STRIDE:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_INT4:
            return value
        raise _refused(name, f"is {value!r}, should be an integer from 1 to {LARGEST_INT4}")
    group, _, field = name.partition(".")
    try:
        return getattr(GROUPS[group].model_validate({field: value}, strict=True), field)
    except ValidationError as error:
        raise _refused(name, f"is {value!r}: {error.errors()[0]['msg']}") from None


def _not_an_object(overrides: object) -> str:
    return f"overrides: is {overrides!r}, should be an object"


def _instead_of(name: str) -> str:
    """The names that are similar to a wrong one, or all of them."""
    like = difflib.get_close_matches(name, ALLOWED, 1, LIKE_NAME)
    if not like:
        fields = {one.rpartition(".")[2] for one in ALLOWED}
        field = difflib.get_close_matches(name.rpartition(".")[2], fields, 1, LIKE_FIELD)
        like = [one for one in ALLOWED if one.rpartition(".")[2] in field]
    return f"did you mean {' or '.join(like)}?" if like else f"possible are {', '.join(sorted(ALLOWED))}"


def _refused(name: str, reason: str) -> Permanent:
    return Permanent(f"{name}: {reason}", code="override_refused")

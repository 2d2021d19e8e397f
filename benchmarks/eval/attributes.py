"""Accuracy of colours and plates, from the largest snapshot of each vehicle that has one. Pure.

Colours and plates are compared as in benchmarks.colour and benchmarks.plates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from video_analysis.benchmarks import colour, plates
from video_analysis.benchmarks.eval.naming import share
from video_analysis.benchmarks.eval.outcomes import JudgedShot, Outcome, SceneOutcome
from video_analysis.main_worker.attributes import plate_formats
from video_analysis.main_worker.attributes.plate import PlateResult

HEADLINE_LIGHT = "day"
LEGIBLE_PX = 40.0
"""Least width of a legible plate in the camera's frame: 5 px per character."""


def figures(outcomes: Sequence[SceneOutcome]) -> dict[str, Any]:
    """`color_top1` is for daylight, None without daylight scenes; plate figures are None if no plates were read."""
    lights = sorted({outcome.facts.light for outcome in outcomes})
    by_light = {light: _color_top1([one for one in outcomes if one.facts.light == light]) for light in lights}
    return {
        "color_top1": by_light.get(HEADLINE_LIGHT),
        "color_top1_by_light": by_light,
        **_plates([vehicle for outcome in outcomes for vehicle in outcome.vehicles if vehicle.shots]),
    }


def is_right_color(vehicle: Outcome, shot: JudgedShot) -> bool:
    """Whether the base of the main colour is right, silver and gray counting as one."""
    return bool(shot.read.colors) and colour.alike(shot.read.colors[0].base, vehicle.truth.colors[0].base)


def plate_of(vehicle: Outcome) -> str:
    """The plate's text in the reader's normal form."""
    return plate_formats.normalised(vehicle.truth.plate)


def _color_top1(outcomes: Sequence[SceneOutcome]) -> float | None:
    right = [
        is_right_color(vehicle, vehicle.shots[0])
        for outcome in outcomes
        for vehicle in outcome.vehicles
        if vehicle.shots and vehicle.truth.colors
    ]
    return share(right) if right else None


def _plates(vehicles: Sequence[Outcome]) -> dict[str, Any]:
    """Shares of all vehicles with a snapshot, and separately of the legible plates; most plates are too small."""
    looked = [
        _compared(one, one.shots[0].read.plate) for one in vehicles if not isinstance(one.shots[0].read.plate, str)
    ]
    if not looked:
        why = {one.shots[0].read.plate for one in vehicles if isinstance(one.shots[0].read.plate, str)}
        skipped = "; ".join(sorted(why)) or "no vehicle has a snapshot"
        return {"plate_exact": None, "plate_abstained": None, "plates": {"skipped": skipped}}
    legible = [one for one in looked if one.width_px >= LEGIBLE_PX]
    counts = plates.figures(looked)
    return {
        "plate_exact": round(counts["exact"] / len(looked), 4),
        "plate_abstained": round(counts["abstained"] / len(looked), 4),
        "plates": {**_without_timing(counts), "legible": _without_timing(plates.figures(legible))},
    }


def _compared(vehicle: Outcome, seen: PlateResult) -> plates.Outcome:
    return plates.Outcome.of("eval", str(vehicle.truth.id), plate_of(vehicle), vehicle.shots[0].plate_px, seen, 0.0)


def _without_timing(values: dict[str, float | int]) -> dict[str, float | int]:
    """The evaluation does not measure the reader's time."""
    return {name: value for name, value in values.items() if name != "median_cpu_ms"}

"""What colours and plates are worth, of each vehicle that has a snapshot, by its largest. Pure.

Compared as benchmarks.colour and benchmarks.plates compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from video_analysis.benchmarks import colour, plates
from video_analysis.benchmarks.eval.naming import share
from video_analysis.benchmarks.eval.outcomes import JudgedShot, Outcome, SceneOutcome
from video_analysis.main_worker.attributes import plate_formats
from video_analysis.main_worker.attributes.plate import Sighting
from video_analysis.main_worker.attributes.plate_formats import Reading

HEADLINE_LIGHT = "day"
LEGIBLE_PX = 40.0
"""Width of a plate, as the camera took it, from which on it may be asked for: 5 px a sign."""


def figures(outcomes: Sequence[SceneOutcome]) -> dict[str, Any]:
    """`color_top1` is by day, None where there is none; plates are None where none were looked for."""
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
    """As a reader is to give it."""
    return plate_formats.normalised(vehicle.truth.plate)


def _color_top1(outcomes: Sequence[SceneOutcome]) -> float | None:
    told = [
        is_right_color(vehicle, vehicle.shots[0])
        for outcome in outcomes
        for vehicle in outcome.vehicles
        if vehicle.shots and vehicle.truth.colors
    ]
    return share(told) if told else None


def _plates(vehicles: Sequence[Outcome]) -> dict[str, Any]:
    """Shares of all vehicles with a snapshot; most plates are too small to be legible, and those that are, apart."""
    looked = [
        _compared(one, one.shots[0].read.plate) for one in vehicles if not isinstance(one.shots[0].read.plate, str)
    ]
    if not looked:
        why = {one.shots[0].read.plate for one in vehicles if isinstance(one.shots[0].read.plate, str)}
        skipped = "; ".join(sorted(why)) or "no vehicle has a snapshot"
        return {"plate_exact": None, "plate_abstained": None, "plates": {"skipped": skipped}}
    legible = [one for one in looked if one.width_px >= LEGIBLE_PX]
    told = plates.figures(looked)
    return {
        "plate_exact": round(told["exact"] / len(looked), 4),
        "plate_abstained": round(told["abstained"] / len(looked), 4),
        "plates": {**_timeless(told), "legible": _timeless(plates.figures(legible))},
    }


def _compared(vehicle: Outcome, seen: Sighting) -> plates.Outcome:
    shot, best = vehicle.shots[0], seen.best or Reading("", 0.0, None)
    text = None if seen.plate is None else seen.plate.text
    said = text, best.text, best.conf, seen.reason, 0.0
    return plates.Outcome("eval", str(vehicle.truth.id), plate_of(vehicle), shot.plate_px, *said)


def _timeless(told: dict[str, float | int]) -> dict[str, float | int]:
    """Here nobody timed the reader."""
    return {name: value for name, value in told.items() if name != "median_cpu_ms"}

"""The evaluation as a JSON document. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from video_analysis.benchmarks.eval.attributes import is_right_color, plate_of
from video_analysis.benchmarks.eval.decoding import names
from video_analysis.benchmarks.eval.figures import HEADLINE, NOTICEABLE, Sample, figures
from video_analysis.benchmarks.eval.naming import is_right
from video_analysis.benchmarks.eval.outcomes import Outcome, SceneOutcome
from video_analysis.main_worker.attributes.plate import PlateResult
from video_analysis.main_worker.classification.hierarchy import LEVELS

HEADLINE_STRIDE = 3
TARGETS: Mapping[str, tuple[float, float]] = {
    "map50": (0.97, 1.0),
    "idf1": (0.95, 1.0),
    "snapshots_per_vehicle": (0.98, 1.02),
    "missed_rate": (0.0, 0.01),
    "duplicate_rate": (0.0, 0.01),
    "best_shot_regret": (0.0, 0.05),
    "type_top1": (0.98, 1.0),
    "make_top1": (0.95, 1.0),
    "model_top1": (0.90, 1.0),
    "ece_type": (0.0, 0.05),
    "ece_make": (0.0, 0.05),
    "ece_model": (0.0, 0.05),
    **{f"precision_{level}": (0.98, 1.0) for level in LEVELS},
    **{f"coverage_{level}": (0.90, 1.0) for level in LEVELS},
    "color_top1": (0.95, 1.0),
}
"""Least and most value at stride 3; precision and coverage are with abstention."""


def document(outcomes: Sequence[SceneOutcome], samples: Mapping[int, Sequence[Sample]]) -> dict[str, Any]:
    """All figures; `samples` maps a scene's seed to its samples. The top level has the figures of stride 3."""
    strides = sorted({outcome.stride for outcome in outcomes})
    chosen = [outcome for outcome in outcomes if outcome.stride == headline(strides)]

    def of(some: Sequence[SceneOutcome]) -> dict[str, Any]:
        return figures(some, [sample for outcome in some for sample in samples[outcome.facts.seed]])

    def by(fact: str) -> dict[str, Any]:
        values = sorted({str(getattr(one.facts, fact)) for one in chosen})
        return {value: of([one for one in chosen if getattr(one.facts, fact) == value]) for value in values}

    total = of(chosen)
    return {
        "headline_stride": headline(strides),
        **total,
        "targets": {name: list(bounds) for name, bounds in TARGETS.items()},
        "targets_missed": missed_targets(total),
        "by_stride": {str(stride): of([one for one in outcomes if one.stride == stride]) for stride in strides},
        **{f"by_{fact}": by(fact) for fact in ("light", "weather", "camera")},
        "by_scene": _scenes(chosen, of),
        "to_inspect": {str(one): _faults([o for o in outcomes if o.stride == one]) for one in strides},
    }


def missed_targets(total: Mapping[str, Any]) -> list[str]:
    """Names of the targets that are missed; a figure that was not measured misses no target."""
    values = {name: figure_of(total, name) for name in TARGETS}
    return [
        name
        for name, (least, most) in TARGETS.items()
        if (figure := values[name]) is not None and not least <= figure <= most
    ]


def headline(strides: Iterable[int]) -> int:
    """The stride of the figures at the top level."""
    listed = list(strides)
    return HEADLINE_STRIDE if HEADLINE_STRIDE in listed else min(listed)


def figure_of(total: Mapping[str, Any], name: str) -> float | None:
    """A figure by its name in TARGETS; None if it was not measured."""
    kind, _, level = name.partition("_")
    if kind == "ece":
        found = total["ece"][level]
    else:
        found = total["abstaining"][level][kind] if kind in ("precision", "coverage") else total[name]
    return None if found is None else float(found)


def _scenes(
    chosen: Sequence[SceneOutcome], of: Callable[[Sequence[SceneOutcome]], dict[str, Any]]
) -> list[dict[str, Any]]:
    scenes = [(one.facts, of([one])) for one in chosen]
    return [{**asdict(facts), **total, "targets_missed": missed_targets(total)} for facts, total in scenes]


def _faults(outcomes: Sequence[SceneOutcome]) -> dict[str, list[dict[str, Any]]]:
    """Vehicles with errors, by kind of error."""
    faults: dict[str, list[dict[str, Any]]] = {"missed": [], "doubled": [], "false": [], "misnamed": [], "small": []}
    faults |= {"miscoloured": [], "misread": []}
    for outcome in outcomes:
        where = {"seed": outcome.facts.seed}
        for vehicle in outcome.vehicles:
            for fault, detail in _wrong(vehicle):
                faults[fault].append(where | _identity(vehicle) | detail)
        faults["false"] += [{**where, **shot} for shot in outcome.false_shots]
    return faults


def _wrong(vehicle: Outcome) -> Iterator[tuple[str, dict[str, Any]]]:
    times = [shot.offset_ms for shot in vehicle.shots]
    if not vehicle.shots:
        yield "missed", {"why": vehicle.why_missed, "too_brief": not vehicle.confirmable}
        return
    best = vehicle.shots[0]
    if len(times) > 1:
        yield "doubled", {"shots_ms": sorted(times)}
    if best.regret > NOTICEABLE or best.cut_needlessly:
        yield "small", {"shot_ms": times[0], "regret": round(best.regret, 3), "cut_needlessly": best.cut_needlessly}
    if best.read.by_variant and not all(is_right(vehicle, best, HEADLINE, level) for level in LEVELS):
        predicted = {variant: list(names(read.joint)) for variant, read in best.read.by_variant.items()}
        yield "misnamed", {"shot_ms": times[0], "yolo_type": best.yolo_type, "predicted": predicted}
    if vehicle.truth.colors and not is_right_color(vehicle, best):
        bases = [paint.base for paint in vehicle.truth.colors]
        read = [[color.base, round(color.conf, 3)] for color in best.read.colors]
        yield "miscoloured", {"shot_ms": times[0], "colors": bases, "read": read}
    seen = best.read.plate
    if isinstance(seen, PlateResult) and seen.plate is not None and seen.plate.text != plate_of(vehicle):
        yield "misread", {"shot_ms": times[0], "plate": plate_of(vehicle), "read": seen.plate.text}


def _identity(vehicle: Outcome) -> dict[str, Any]:
    true = vehicle.truth
    return {
        "vehicle": true.id,
        "is": [true.type, true.make, true.model],
        "shows_ms": [vehicle.first_ms, vehicle.last_ms],
    }

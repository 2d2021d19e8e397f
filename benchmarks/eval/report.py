"""The evaluation as a JSON document and as a table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from video_analysis.benchmarks.eval.figures import HEADLINE, NOTICEABLE, Sample, figures, is_right
from video_analysis.benchmarks.eval.outcomes import Outcome, SceneOutcome

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
}
"""Least and most, at stride 3."""
UNTARGETED = (
    "hota",
    "mota",
    "id_switches",
    "yolo_type_top1",
    "cut_needlessly",
    "vehicles",
    "ignored_vehicles",
    "missed",
    "missed_too_brief",
)


def document(outcomes: Sequence[SceneOutcome], samples: Mapping[int, Sequence[Sample]]) -> dict[str, Any]:
    """All figures; `samples` holds each scene's under its seed. At the top level stand those of stride 3."""
    strides = sorted({outcome.stride for outcome in outcomes})
    headline = HEADLINE_STRIDE if HEADLINE_STRIDE in strides else strides[0]
    chosen = [outcome for outcome in outcomes if outcome.stride == headline]

    def of(some: Sequence[SceneOutcome]) -> dict[str, Any]:
        return figures(some, [sample for outcome in some for sample in samples[outcome.facts.seed]])

    def by(fact: str) -> dict[str, Any]:
        values = sorted({str(getattr(one.facts, fact)) for one in chosen})
        return {value: of([one for one in chosen if getattr(one.facts, fact) == value]) for value in values}

    total = of(chosen)
    return {
        "headline_stride": headline,
        **total,
        "targets": {name: list(bounds) for name, bounds in TARGETS.items()},
        "targets_missed": missed_targets(total),
        "by_stride": {str(stride): of([one for one in outcomes if one.stride == stride]) for stride in strides},
        **{f"by_{fact}": by(fact) for fact in ("light", "weather", "camera")},
        "by_scene": _scenes(chosen, of),
        "to_look_at": {str(one): _faults([o for o in outcomes if o.stride == one]) for one in strides},
    }


def missed_targets(total: Mapping[str, Any]) -> list[str]:
    """The names of those that are not reached."""
    return [name for name, (least, most) in TARGETS.items() if not least <= _figure(total, name) <= most]


def _figure(total: Mapping[str, Any], name: str) -> float:
    return float(total["ece"][name.removeprefix("ece_")] if name.startswith("ece_") else total[name])


def _scenes(
    chosen: Sequence[SceneOutcome], of: Callable[[Sequence[SceneOutcome]], dict[str, Any]]
) -> list[dict[str, Any]]:
    told = [(one.facts, of([one])) for one in chosen]
    return [{**asdict(facts), **total, "targets_missed": missed_targets(total)} for facts, total in told]


def _faults(outcomes: Sequence[SceneOutcome]) -> dict[str, list[dict[str, Any]]]:
    """The vehicles that an engineer should look at, by what went wrong."""
    faults: dict[str, list[dict[str, Any]]] = {"missed": [], "doubled": [], "false": [], "misnamed": [], "small": []}
    for outcome in outcomes:
        where = {"seed": outcome.facts.seed}
        for vehicle in outcome.vehicles:
            for fault, detail in _wrong(vehicle):
                faults[fault].append(where | _told(vehicle) | detail)
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
    if best.said and not all(is_right(vehicle, best, HEADLINE, level) for level in ("type", "make", "model")):
        said = {
            variant: [verdict.type_label, verdict.make_label, verdict.model_label]
            for variant, verdict in best.said.items()
        }
        yield "misnamed", {"shot_ms": times[0], "yolo_type": best.yolo_type, "said": said}


def _told(vehicle: Outcome) -> dict[str, Any]:
    true = vehicle.truth
    return {
        "vehicle": true.id,
        "is": [true.type, true.make, true.model],
        "shows_ms": [vehicle.first_ms, vehicle.last_ms],
    }


def table(told: Mapping[str, Any]) -> str:
    """Targets beside figures, a column for each stride; then a line for each scene."""
    strides = told["by_stride"]
    head = f"{'':<24}{'target':>12}" + "".join(f"{'stride ' + stride:>11}" for stride in strides)
    lines = [_line(name, strides.values(), told["targets_missed"]) for name in (*TARGETS, *UNTARGETED)]
    return "\n".join([head, *lines, *map(_scene_line, told["by_scene"])])


def _line(name: str, columns: Iterable[Mapping[str, Any]], missed: Sequence[str]) -> str:
    figures_of = "".join(f"{_figure(of, name):>11.4g}" for of in columns)
    return f"{name:<24}{_wanted(name):>12}{figures_of}{'  MISSED' if name in missed else ''}"


def _wanted(name: str) -> str:
    least, most = TARGETS.get(name, (0.0, 1.0))
    if least > 0:
        return f"≥ {least:g}" if most == 1 else f"{least:g}-{most:g}"
    return f"≤ {most:g}" if most < 1 else ""


def _scene_line(scene: Mapping[str, Any]) -> str:
    return (
        f"{scene['seed']} {scene['light']:<6}{scene['weather']:<9}{scene['camera']:<7}{scene['vehicles']:>4} vehicles, "
        f"missed {scene['missed']}, doubled {scene['duplicates']}, false {scene['false_snapshots']}, "
        f"idf1 {scene['idf1']:.3f}, type {scene['type_top1']:.3f}"
    )

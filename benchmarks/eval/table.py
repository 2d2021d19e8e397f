"""The evaluation as a table to print. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from video_analysis.benchmarks.eval import real_clips, real_photographs
from video_analysis.benchmarks.eval.naming import WAYS
from video_analysis.benchmarks.eval.report import TARGETS, figure_of
from video_analysis.benchmarks.main_model import table as vehicle_table
from video_analysis.main_worker.classification.hierarchy import LEVELS

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
    "plate_exact",
    "plate_abstained",
)
STILLS_TARGETS = {"map50_of_one_type": 0.75, "map50": 0.55}
"""Least values on the real stills: all types as one, mean over the labels."""


def table(document: Mapping[str, Any]) -> str:
    """What is real first; then targets and figures of the scenes, one column per stride, and a line per scene."""
    strides = document["by_stride"]
    head = f"{'':<24}{'target':>12}" + "".join(f"{'stride ' + stride:>11}" for stride in strides)
    lines = [_line(name, strides.values(), document["targets_missed"]) for name in (*TARGETS, *UNTARGETED)]
    return "\n".join(
        [
            *stills_lines(document["real_stills"]),
            *real_clips.lines(document["real_clips"]),
            *real_photographs.lines(document["real_photographs"]),
            *vehicle_table.lines(document["single_vehicles"]),
            head,
            *lines,
            *_decoded(document),
            *_attributes(document),
            *map(_scene_line, document["by_scene"]),
        ]
    )


def stills_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Detection on the real stills with its targets, or why it was not measured."""
    if "skipped" in found:
        yield f"real stills: {found['skipped']}"
        return
    yield f"real stills of the cameras {', '.join(found['cameras'])}: {found['stills']}, {found['vehicles']} vehicles"
    for name, target in STILLS_TARGETS.items():
        missed = "" if found[name] >= target else "  MISSED"
        yield f"{name:<24}{f'≥ {target:g}':>12}{_shown(found[name]):>11}{missed}"
    yield "map50 by label: " + ", ".join(f"{label} {_shown(value)}" for label, value in found["by_label"].items())
    large = found["of_snapshot_size"]
    ones = ", ".join(f"{name} {_shown(large[name])}" for name in STILLS_TARGETS)
    yield f"{large['vehicles']} vehicles of at least {large['least_px']} px: {ones}"


def _line(name: str, columns: Iterable[Mapping[str, Any]], missed: Sequence[str]) -> str:
    figures_of = "".join(f"{_shown(figure_of(of, name)):>11}" for of in columns)
    return f"{name:<24}{_wanted(name):>12}{figures_of}{'  MISSED' if name in missed else ''}"


def _shown(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.4g}"


def _decoded(document: Mapping[str, Any]) -> Iterator[str]:
    """At the main stride: top-1 of each way of decoding, and precision and coverage with abstention."""
    head = "".join(f"{name:>11}" for name in (*WAYS, "precision", "coverage"))
    title = f"stride {document['headline_stride']}, top-1 by"
    yield f"{title:<36}{head}"
    for variant, of in document["variants"].items():
        for level in LEVELS:
            figures_of = [*(of[way][level] for way in WAYS), *of["abstaining"][level].values()]
            yield f"{variant:<24}{level:>12}" + "".join(f"{_shown(figure):>11}" for figure in figures_of)


def _attributes(document: Mapping[str, Any]) -> Iterator[str]:
    lights = ", ".join(f"{light} {_shown(figure)}" for light, figure in document["color_top1_by_light"].items())
    yield f"base colour by light: {lights}"
    plates = document["plates"]
    if "skipped" in plates:
        yield f"plates: {plates['skipped']}"
        return
    legible = plates["legible"]
    yield (
        f"plates: {plates['exact']} exact, {plates['wrong']} wrong, {plates['abstained']} abstained of "
        f"{plates['pictures']}; of {legible['pictures']} legible {legible['exact']}, {legible['wrong']}, "
        f"{legible['abstained']}"
    )


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

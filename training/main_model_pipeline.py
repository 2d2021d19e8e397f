"""Train a main model: vehicles, stored maps, training of the tail, calibration, export, and the figures beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.training import main_model, networks, trunk_cache, vehicle_sets, verdict_calibration
from video_analysis.training.calibration import calibration_error
from video_analysis.training.hardware import Hardware
from video_analysis.training.main_model import Predictions
from video_analysis.training.mixed_views import LearningSet, MixedViews, collated
from video_analysis.training.real_vehicles import vehicles
from video_analysis.training.rendering import cut_out, material
from video_analysis.training.snapshot_views import labels
from video_analysis.training.splits import Split
from video_analysis.training.stills import Still
from video_analysis.training.train_loop import Plan, TrainingRun, train
from video_analysis.training.train_pipeline import (
    JSON,
    TrainingOptions,
    checkpoint_path,
    counts,
    plan_of,
    share,
    write_figures,
)
from video_analysis.training.vehicle_sets import VehicleSet
from video_analysis.training.verdict_calibration import CalibrationVehicles
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Network

MAIN_MODELS: dict[str, Callable[[Mapping[str, int]], networks.MainModel]] = {
    "baseline": networks.baseline,
    "cmt": networks.cmt,
}
CROPS_A_FRAME = 4
"""Close-ups per frame whose vehicles a main model is trained on."""
RENDERED_VIEWS, REAL_VIEWS = 3, 4
BATCH, GPU_BATCH, RATE, WEIGHT_DECAY = 48, 128, 5e-4, 0.03
DEGRADED_SEED = 7_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Material:
    """The vehicles of a training run."""

    rendered: Sequence[Still]
    unseen: Sequence[Still]
    """Rendered ones to calibrate by."""
    data: Path | None
    """Folder of the real pictures; None: none."""


def train_main_model(variant: str, path: Path, options: TrainingOptions, hardware: Hardware) -> JSON:
    """Train, calibrate, validate and write one main model and its figures; returns the figures."""
    source = found_material(options)
    named = labels(f"demo-{variant}")
    net = network(variant, named, options.seed)
    if options.start is not None:
        main_model.start_from(net, options.start)
    trunk = trunk_cache.compiled_trunk(net, options.work / "cache", options.processes)
    learnt = learning_views(source, named, trunk, options)
    plan = plan_for(variant, options, hardware)
    checkpoint = checkpoint_path(net.tail, plan, options, learnt.mark)
    run = train(net.tail, learnt, collated, main_model.loss_of(hardware), plan, hardware, checkpoint)
    net.tail = run.average
    cool, fitted, figures = calibrated(net, named, source, trunk, options)
    main_model.export(net, cool, fitted, path)
    started = None if options.start is None else backend.sha256_of(options.start)
    figures |= {"data": _data_figures(source), "started_from": started}
    figures |= counts(len(source.rendered), len(source.unseen))
    run = TrainingRun(net, net, run.optimizer, run.steps, run.seconds, run.losses)
    return write_figures(path, run, plan, hardware, (1, 3, 640, 640), figures)


def found_material(options: TrainingOptions) -> Material:
    """Rendered vehicles, and where the real ones are."""
    data = options.data if options.data is not None and options.data.is_dir() else None
    return Material(
        _rendered(options, "train", options.crops), _rendered(options, "validation", share(options.crops)), data
    )


def plan_for(variant: str, options: TrainingOptions, hardware: Hardware) -> Plan:
    """Duration and hyperparameters."""
    batch = GPU_BATCH if hardware.is_gpu else BATCH
    return plan_of(variant, options, batch=batch, rate=RATE, weight_decay=WEIGHT_DECAY)


def network(variant: str, named: Labels, seed: int) -> networks.MainModel:
    """The network before its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MAIN_MODELS[variant](named.widths)


def learning_views(
    source: Material, named: Labels, trunk: Network, options: TrainingOptions, left_out: int | None = None
) -> MixedViews:
    """The training samples; `left_out` is the place of a make whose vehicles are left out."""
    folder = options.work / "maps"
    rendered = vehicle_sets.rendered("rendered", source.rendered, named)
    learnt = LearningSet(rendered, trunk_cache.training_views(folder, rendered, trunk, RENDERED_VIEWS, options.seed))
    if source.data is None:
        return MixedViews(learnt, None, options.seed, left_out)
    real = vehicle_sets.real("real", vehicles(source.data, "train"), named)
    views = trunk_cache.training_views(folder, real, trunk, REAL_VIEWS, options.seed)
    return MixedViews(learnt, LearningSet(real, views), options.seed, left_out)


def calibrated(
    net: networks.MainModel, named: Labels, source: Material, trunk: Network, options: TrainingOptions
) -> tuple[dict[str, float], Labels, JSON]:
    """(temperatures, labels with open-set rule, calibration and thresholds, figures)."""
    clean, degraded, real = calibration_sets(source, named)
    seen = {one.name: predicted(net, one, trunk, options) for one in (clean, degraded, *real)}
    rendered = seen[clean.name].joined(seen[degraded.name])
    cool = main_model.temperatures(rendered)
    of_real = {one.name: seen[one.name].scaled(cool) for one in real}
    fitted = verdict_calibration.fitted(named, CalibrationVehicles(rendered.scaled(cool), of_real))
    figures: JSON = {
        "verdicts": {name: verdict_figures(one.scaled(cool), fitted) for name, one in seen.items()},
        "temperatures": cool,
        "labels": fitted.model_dump(include={"thresholds", "calibration", "open_set"}),
        "fitted": "temperatures, calibration, thresholds and open-set rule, on the pictures that are judged",
    }
    return cool, fitted, figures


def calibration_sets(source: Material, named: Labels) -> tuple[VehicleSet, VehicleSet, list[VehicleSet]]:
    """Rendered vehicles as they are and with camera degradation, and the real ones by source."""
    clean = vehicle_sets.rendered("synthetic", source.unseen, named)
    degraded = vehicle_sets.rendered("degraded", source.unseen, named, DEGRADED_SEED)
    found = [] if source.data is None else vehicles(source.data, "calibration")
    kinds = sorted({one.source for one in found})
    real = [vehicle_sets.real(kind, [one for one in found if one.source == kind], named) for kind in kinds]
    return clean, degraded, real


def verdict_figures(predictions: Predictions, fitted: Labels) -> JSON:
    """Per level: top-1, calibration error, and the share that gets a label."""
    verdicts = verdict_calibration.verdicts_of(predictions, fitted)
    return {
        level: {
            "top1": round(float(right.mean()), 4),
            "ece": round(calibration_error(confidences, right), 4),
            "coverage": round(sum(getattr(one, f"{level}_label") is not None for one in verdicts) / len(verdicts), 4),
        }
        for level, (confidences, right) in verdict_calibration.judged(predictions, fitted).items()
    }


def predicted(net: networks.MainModel, some: VehicleSet, trunk: Network, options: TrainingOptions) -> Predictions:
    """Predictions for the stored snapshots of a set."""
    maps = trunk_cache.stored(options.work / "maps", some, trunk).whole()
    return main_model.predict(net.tail.eval(), maps, some.targets)


def _rendered(options: TrainingOptions, split: Split, crops: int) -> list[Still]:
    """Close-ups, and the vehicles of whole frames (about twice as many)."""
    close_ups = material(options.work, "crops", split, crops, options.processes)
    frames = max(1, crops // CROPS_A_FRAME) if options.frames_cut is None else options.frames_cut[split]
    return close_ups + (cut_out(options.work, split, frames, options.processes) if frames else [])


def _data_figures(source: Material) -> JSON:
    """Number and hash of the real vehicles that were trained on and calibrated by."""
    if source.data is None:
        return {}
    found: JSON = {}
    for split in ("train", "calibration"):
        some = vehicles(source.data, split)
        found[split] = {"vehicles": len(some), "sha256": vehicle_sets.content_hash(some)}
    return found

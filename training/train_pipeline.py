"""Train the demo's three weights files: collect the data, train, validate, export, write the figures."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from video_analysis.training import (
    detector,
    detector_data,
    detector_views,
    main_model,
    networks,
    snapshot_views,
)
from video_analysis.training.detector_loss import PartialLabelLoss
from video_analysis.training.hardware import Hardware
from video_analysis.training.rendering import cut_out, material, world_mark
from video_analysis.training.splits import GENERATORS, Split
from video_analysis.training.stills import Still
from video_analysis.training.train_loop import Plan, TrainingRun, Validation, train
from video_analysis.worker_utils.inference import backend

VALIDATION_SHARE = 8
"""Training pictures per validation picture."""
CROPS_A_FRAME = 4
"""Close-ups per frame whose vehicles a main model is trained on."""
VALIDATE_EVERY_S = 600.0
DETECTOR_RATE = 1e-3
MOST_LOSSES = 24
MAIN_MODELS: dict[str, Callable[[dict[str, int]], networks.MainModel]] = {
    "baseline": networks.baseline,
    "cmt": networks.cmt,
}
JSON = dict[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Options of a run that are the same for every network."""

    work: Path
    """Folder for rendered pictures and checkpoints."""
    frames: int
    """Training frames of the detector."""
    crops: int
    """Training crops of a main model."""
    minutes: float
    """Training time per network, without rendering and validation."""
    seed: int = 1
    steps: int | None = None
    batch: int | None = None
    processes: int = 0
    """For rendering, and threads that prepare batches; 0 does all work in this thread."""
    data: Path | None = None
    """The real pictures; None: rendered pictures only."""
    start: Path | None = None
    """Weights of the detector to start from; None: random ones."""


def train_detector(path: Path, options: TrainingOptions, hardware: Hardware) -> JSON:
    """Train, validate and write the detector and its figures; returns the figures."""
    stills = material(options.work, "frames", "train", options.frames, options.processes)
    unseen = material(options.work, "frames", "validation", _share(options.frames), options.processes)
    data = detector_data.collect(stills, unseen, options.data)
    net = detector.network(options.seed)
    if options.start is not None:
        detector.start_from(net, options.start)
    net.to(hardware.device)
    plan = _plan("detector", options, batch=32 if hardware.is_gpu else 16, rate=DETECTOR_RATE, weight_decay=0.01)
    views = detector_views.DetectorViews(data.sources, options.seed)
    checkpoint = _checkpoint_path(net, plan, options, repr(data.facts()))
    measure = partial(detector_data.figures, data=data, hardware=hardware, threads=options.processes)
    run = train(
        net, views, detector_views.collated, PartialLabelLoss(net, hardware), plan, hardware, checkpoint,
        Validation(VALIDATE_EVERY_S, measure),
    )  # fmt: skip
    shipped = run.average.half().float()
    validation: JSON = {**measure(shipped), **data.facts(), **_counts(len(stills), len(unseen))}
    detector.export(shipped, path)
    started = None if options.start is None else backend.sha256_of(options.start)
    return _write_figures(path, run, plan, hardware, (1, 3, *detector.WIDE_PX), validation | {"started_from": started})


def train_main_model(variant: str, path: Path, options: TrainingOptions, hardware: Hardware) -> JSON:
    """Train, calibrate, validate and write one main model and its figures; returns the figures."""
    stills = _vehicles(options, "train", options.crops)
    unseen = _vehicles(options, "validation", _share(options.crops))
    named = snapshot_views.labels(f"demo-{variant}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        net = MAIN_MODELS[variant](named.widths)
    plan = _plan(variant, options, batch=64 if hardware.is_gpu else 16, rate=1.5e-3, weight_decay=0.05)
    views = snapshot_views.SnapshotViews(stills, named, options.seed)
    checkpoint = _checkpoint_path(net, plan, options, str(len(stills)))
    run = train(net, views, snapshot_views.collated, main_model.loss_of(hardware), plan, hardware, checkpoint)
    judged = snapshot_views.SnapshotViews(unseen, named)
    predictions = main_model.predict(run.average, judged, hardware, options.processes)
    cool = main_model.temperatures(predictions)
    uncalibrated = main_model.verdicts(predictions.scaled(cool), named)
    named = named.model_copy(update={"calibration": main_model.verdict_calibration(uncalibrated)})
    verdicts = main_model.verdicts(predictions.scaled(cool), named)
    named = named.model_copy(update={"thresholds": main_model.thresholds(verdicts)})
    main_model.export(run.average, cool, named, path)
    figures: JSON = {
        "heads_before": main_model.head_figures(predictions),
        "heads": main_model.head_figures(predictions.scaled(cool)),
        "verdicts_before": main_model.figures(uncalibrated),
        "verdicts": main_model.figures(verdicts),
        "temperatures": {level: round(value, 4) for level, value in cool.items()},
        "thresholds": named.thresholds.model_dump(),
        "fitted": "temperatures, calibration and thresholds, on the pictures that heads and verdicts are judged on",
    }
    return _write_figures(path, run, plan, hardware, (1, 3, 640, 640), figures | _counts(len(stills), len(unseen)))


def _vehicles(options: TrainingOptions, split: Split, crops: int) -> list[Still]:
    """Close-ups, and the vehicles of whole frames (about twice as many)."""
    close_ups = material(options.work, "crops", split, crops, options.processes)
    return close_ups + cut_out(options.work, split, max(1, crops // CROPS_A_FRAME), options.processes)


def _plan(name: str, options: TrainingOptions, *, batch: int, rate: float, weight_decay: float) -> Plan:
    return Plan(
        name,
        options.seed,
        options.batch or batch,
        rate,
        weight_decay,
        options.minutes * 60,
        options.steps,
        max(1, options.processes),
    )


def _checkpoint_path(net: torch.nn.Module, plan: Plan, options: TrainingOptions, pictures: str) -> Path:
    """The checkpoint of a run. Another seed, batch size, simulator, set of pictures or architecture has another."""
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    mark = hashlib.sha256(repr((plan.seed, plan.batch, world_mark(), pictures, shapes)).encode()).hexdigest()[:8]
    return options.work / f"{plan.name}-{mark}.memory.pt"


def _counts(learnt_from: int, unseen: int) -> JSON:
    seeds = {split: f"{seeds.start}..{seeds.stop - 1}" for split, seeds in GENERATORS.items()}
    return {"trained_on": learnt_from, "validated_on": unseen, "generator_seeds": seeds, "world": world_mark()}


def _write_figures(
    path: Path, run: TrainingRun, plan: Plan, hardware: Hardware, shape: tuple[int, ...], validation: JSON
) -> JSON:
    """The figures of a run, written beside the weights."""
    every = -(-len(run.losses) // MOST_LOSSES) or 1
    figures: JSON = {
        "validation": validation,
        "steps": run.steps,
        "pictures_seen": run.steps * plan.batch,
        "seconds": round(run.seconds, 1),
        "device": hardware.name,
        "parameters": sum(weight.numel() for weight in run.net.parameters()),
        "gflops": networks.gflops(run.net.eval(), shape),
        "bytes": path.stat().st_size,
        "pytorch": torch.__version__,
        "plan": asdict(plan),
        "losses": run.losses[::-1][::every][::-1],
        "curve": run.curve,
    }
    path.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    log.info("%s: %s", path, json.dumps(validation))
    return figures


def _share(pictures: int) -> int:
    return max(2, pictures // VALIDATION_SHARE)

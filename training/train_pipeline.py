"""Train the demo's detector, and what the trainings of all networks share: options, plan, checkpoint, figures."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from video_analysis.training import (
    detector,
    detector_data,
    detector_views,
    networks,
)
from video_analysis.training.detector_loss import PartialLabelLoss
from video_analysis.training.hardware import Hardware
from video_analysis.training.rendering import material, world_mark
from video_analysis.training.splits import GENERATORS, Split
from video_analysis.training.train_loop import Plan, TrainingRun, Validation, train
from video_analysis.worker_utils.inference import backend

VALIDATION_SHARE = 8
"""Training pictures per validation picture."""
VALIDATE_EVERY_S = 600.0
DETECTOR_RATE = 1e-3
MOST_LOSSES = 24
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
    """Weights to start from; None: those for ImageNet or random ones."""
    frames_cut: Mapping[Split, int] | None = None
    """Frames of each split whose vehicles a main model is trained on or calibrated by; None: a quarter of `crops`."""


def train_detector(path: Path, options: TrainingOptions, hardware: Hardware) -> JSON:
    """Train, validate and write the detector and its figures; returns the figures."""
    stills = material(options.work, "frames", "train", options.frames, options.processes)
    unseen = material(options.work, "frames", "validation", share(options.frames), options.processes)
    data = detector_data.collect(stills, unseen, options.data)
    net = detector.network(options.seed)
    if options.start is not None:
        detector.start_from(net, options.start)
    net.to(hardware.device)
    plan = plan_of("detector", options, batch=32 if hardware.is_gpu else 16, rate=DETECTOR_RATE, weight_decay=0.01)
    views = detector_views.DetectorViews(data.sources, options.seed)
    started = None if options.start is None else backend.sha256_of(options.start)
    checkpoint = checkpoint_path(net, plan, options, repr((data.facts(), started)))
    measure = partial(detector_data.figures, data=data, hardware=hardware, threads=options.processes)
    run = train(
        net, views, detector_views.collated, PartialLabelLoss(net, hardware), plan, hardware, checkpoint,
        Validation(VALIDATE_EVERY_S, measure),
    )  # fmt: skip
    shipped = run.average.half().float()
    validation: JSON = {**measure(shipped), **data.facts(), **counts(len(stills), len(unseen))}
    detector.export(shipped, path)
    return write_figures(path, run, plan, hardware, (1, 3, *detector.WIDE_PX), validation | {"started_from": started})


def plan_of(name: str, options: TrainingOptions, *, batch: int, rate: float, weight_decay: float) -> Plan:
    """The plan of a run with these options."""
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


def checkpoint_path(net: torch.nn.Module, plan: Plan, options: TrainingOptions, pictures: str) -> Path:
    """The checkpoint of a run. Another seed, batch size, simulator, set of pictures or architecture has another."""
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    mark = hashlib.sha256(repr((plan.seed, plan.batch, world_mark(), pictures, shapes)).encode()).hexdigest()[:8]
    return options.work / f"{plan.name}-{mark}.memory.pt"


def counts(learnt_from: int, unseen: int) -> JSON:
    """Numbers of rendered pictures, and the seeds that they come from."""
    seeds = {split: f"{seeds.start}..{seeds.stop - 1}" for split, seeds in GENERATORS.items()}
    return {"trained_on": learnt_from, "validated_on": unseen, "generator_seeds": seeds, "world": world_mark()}


def write_figures(
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


def share(pictures: int) -> int:
    """Number of validation pictures."""
    return max(2, pictures // VALIDATION_SHARE)

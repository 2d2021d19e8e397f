"""From nothing to the demo's three weights files: material, course, judgement, export, figures."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from video_analysis.training import detector, detector_views, main_model, networks, snapshot_views
from video_analysis.training.hardware import Hardware
from video_analysis.training.rendering import cut_out, material, world_mark
from video_analysis.training.splits import GENERATORS, Split
from video_analysis.training.stills import Still
from video_analysis.training.train_loop import Course, Plan, learn

VALIDATION_SHARE = 8
"""One picture to validate on for so many to train on."""
CROPS_A_FRAME = 4
"""A main model learns from one frame's vehicles for so many close-ups."""
COARSE_VIEWS = 40_000
"""So many of the detector's first samples are of half the pixels."""
MOST_LOSSES = 24
MAIN_MODELS: dict[str, Callable[[dict[str, int]], networks.MainModel]] = {
    "baseline": networks.baseline,
    "cmt": networks.cmt,
}
JSON = dict[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is to do, apart from which network."""

    work: Path
    """Rendered pictures and the courses' memories."""
    frames: int
    """To train the detector on."""
    crops: int
    """To train a main model on."""
    minutes: float
    """For each network's course, rendering and judging apart."""
    seed: int = 1
    steps: int | None = None
    batch: int | None = None
    processes: int = 0
    """To render; as many threads prepare batches. 0: neither, all is done in turn."""


def teach_detector(path: Path, terms: Terms, hardware: Hardware) -> JSON:
    """Train, judge and write the detector; its figures, which also lie beside it."""
    stills = material(terms.work, "frames", "train", terms.frames, terms.processes)
    unseen = material(terms.work, "frames", "validation", _share(terms.frames), terms.processes)
    net = detector.network(terms.seed).to(hardware.device)
    plan = _plan("detector", terms, batch=32 if hardware.is_gpu else 16, rate=2e-3, weight_decay=0.01)
    views = detector_views.DetectorViews(stills, terms.seed, COARSE_VIEWS // plan.batch * plan.batch)
    loss = detector.loss_of(net, hardware)
    course = learn(net, views, detector_views.collated, loss, plan, hardware, _memory(net, plan, terms, len(stills)))
    shipped = course.average.half().float()
    figure = detector.judge(shipped, unseen, hardware, terms.processes)
    detector.export(shipped, path)
    shape = (1, 3, *detector_views.CANVAS)
    return _told(path, course, plan, hardware, shape, {"map50": round(figure, 4), **_counts(len(stills), len(unseen))})


def teach_main_model(variant: str, path: Path, terms: Terms, hardware: Hardware) -> JSON:
    """Train, calibrate, judge and write one main model; its figures, which also lie beside it."""
    stills = _vehicles(terms, "train", terms.crops)
    unseen = _vehicles(terms, "validation", _share(terms.crops))
    named = snapshot_views.labels(f"demo-{variant}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(terms.seed)
        net = MAIN_MODELS[variant](named.widths)
    plan = _plan(variant, terms, batch=64 if hardware.is_gpu else 16, rate=1.5e-3, weight_decay=0.05)
    views = snapshot_views.SnapshotViews(stills, named, terms.seed)
    memory = _memory(net, plan, terms, len(stills))
    course = learn(net, views, snapshot_views.collated, main_model.loss_of(hardware), plan, hardware, memory)
    judged = snapshot_views.SnapshotViews(unseen, named)
    said = main_model.listen(course.average, judged, hardware, terms.processes)
    cool = main_model.temperatures(said)
    unbent = main_model.verdicts(said.cooled(cool), named)
    named = named.model_copy(update={"calibration": main_model.verdict_calibration(unbent)})
    verdicts = main_model.verdicts(said.cooled(cool), named)
    named = named.model_copy(update={"thresholds": main_model.thresholds(verdicts)})
    main_model.export(course.average, cool, named, path)
    figures: JSON = {
        "heads_before": main_model.head_figures(said),
        "heads": main_model.head_figures(said.cooled(cool)),
        "verdicts_before": main_model.verdict_figures(unbent),
        "verdicts": main_model.verdict_figures(verdicts),
        "temperatures": {level: round(value, 4) for level, value in cool.items()},
        "thresholds": named.thresholds.model_dump(),
        "fitted": "temperatures, calibration and thresholds, on the pictures that heads and verdicts are judged on",
    }
    return _told(path, course, plan, hardware, (1, 3, 640, 640), figures | _counts(len(stills), len(unseen)))


def _vehicles(terms: Terms, split: Split, crops: int) -> list[Still]:
    """Close-ups, and the vehicles of frames, of which there are about twice as many."""
    close_ups = material(terms.work, "crops", split, crops, terms.processes)
    return close_ups + cut_out(terms.work, split, max(1, crops // CROPS_A_FRAME), terms.processes)


def _plan(name: str, terms: Terms, *, batch: int, rate: float, weight_decay: float) -> Plan:
    return Plan(
        name,
        terms.seed,
        terms.batch or batch,
        rate,
        weight_decay,
        terms.minutes * 60,
        terms.steps,
        max(1, terms.processes),
    )


def _memory(net: torch.nn.Module, plan: Plan, terms: Terms, pictures: int) -> Path:
    """A course's file: another seed, batch, world, number of pictures or architecture is another course."""
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    mark = hashlib.sha256(repr((plan.seed, plan.batch, world_mark(), pictures, shapes)).encode()).hexdigest()[:8]
    return terms.work / f"{plan.name}-{mark}.memory.pt"


def _counts(learnt_from: int, unseen: int) -> JSON:
    seeds = {split: f"{seeds.start}..{seeds.stop - 1}" for split, seeds in GENERATORS.items()}
    return {"trained_on": learnt_from, "validated_on": unseen, "generator_seeds": seeds, "world": world_mark()}


def _told(path: Path, course: Course, plan: Plan, hardware: Hardware, shape: tuple[int, ...], validation: JSON) -> JSON:
    """The figures of a run, written beside the weights."""
    every = -(-len(course.losses) // MOST_LOSSES) or 1
    figures: JSON = {
        "validation": validation,
        "steps": course.steps,
        "pictures_seen": course.steps * plan.batch,
        "seconds": round(course.seconds, 1),
        "device": hardware.name,
        "parameters": sum(weight.numel() for weight in course.net.parameters()),
        "gflops": networks.gflops(course.net.eval(), shape),
        "bytes": path.stat().st_size,
        "pytorch": torch.__version__,
        "plan": asdict(plan),
        "losses": course.losses[::-1][::every][::-1],
    }
    path.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    log.info("%s: %s", path, json.dumps(validation))
    return figures


def _share(pictures: int) -> int:
    return max(2, pictures // VALIDATION_SHARE)

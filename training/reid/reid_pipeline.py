"""Train the appearance network: crops, views, contrastive training of the head, weights with figures beside them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from video_analysis.benchmarks.real_data import COCO_WEIGHTS
from video_analysis.training.hardware import Hardware
from video_analysis.training.reid import real, simulated, view_cache
from video_analysis.training.reid.contrastive import contrastive_loss
from video_analysis.training.reid.groups import Batch, Groups, collated
from video_analysis.training.reid.initial import initial_network
from video_analysis.training.reid.view_cache import Views
from video_analysis.training.rendering import world_mark
from video_analysis.training.train_loop import Loss, Plan, TrainingRun, train
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.tracking import appearance_network
from video_analysis.yolo_worker.tracking.appearance_network import SIDE_PX, AppearanceNetwork
from video_analysis.yolo_worker.tracking.embedder import mobilenet_weights

WEIGHTS = {"simulated": 0.4, "clips": 0.3, "stills": 0.3}
"""Share of the groups from each kind of source."""
VIEWS = {"simulated": 2, "clips": 6, "stills": 2}
"""Augmented views per crop."""
GROUPS_PER_BATCH = 6
RATE, WEIGHT_DECAY = 2e-3, 0.02
JSON = dict[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReidOptions:
    """Options of a run."""

    work: Path
    """Folder for crops, views and the checkpoint."""
    data: Path | None
    """The real clips and stills, and a detector for the clips; None: simulated vehicles only."""
    scenes: int
    """Simulated scenes."""
    minutes: float
    steps: int | None
    seed: int = 1
    processes: int = 1


def train_appearance(path: Path, options: ReidOptions) -> JSON:
    """Train the head, write the weights to `path` and the figures beside them; returns the figures."""
    net = initial_network(options.seed)
    kinds = _views(net, options)
    groups = Groups(kinds, WEIGHTS, options.seed)
    plan = Plan(
        "appearance", options.seed, GROUPS_PER_BATCH, RATE, WEIGHT_DECAY, options.minutes * 60, options.steps, 1
    )
    hardware = Hardware.found("cpu")
    counts = {kind: _counts(shards) for kind, shards in kinds.items()}
    mark = hashlib.sha256(repr((asdict(plan), world_mark(), counts)).encode()).hexdigest()[:8]
    run = train(
        net.head, groups, collated, _loss_of(hardware), plan, hardware, options.work / f"appearance-{mark}.memory.pt"
    )
    net.head = run.average.eval()
    appearance_network.save(net, path)
    return _write_figures(path, run, plan, counts)


def _loss_of(hardware: Hardware) -> Loss[Batch]:
    def loss(head: torch.nn.Module, batch: Batch) -> torch.Tensor:
        with hardware.autocast():
            vectors = head(batch.means, batch.maps.contiguous(memory_format=torch.channels_last))
        return contrastive_loss(vectors.float(), batch.same, batch.different)

    return loss


def _views(net: AppearanceNetwork, options: ReidOptions) -> dict[str, list[Views]]:
    shards = {"simulated": simulated.shards(options.work, "train", options.scenes, options.processes)}
    if options.data is not None:
        found = real.shards(options.work / "real", options.data, _detector(options.data / COCO_WEIGHTS))
        shards |= {kind: [path for path in found if path.parent.name == kind] for kind in ("clips", "stills")}
    runtime = backend.choose("auto", options.processes, options.work / "cache")
    fingerprint = backend.sha256_of(mobilenet_weights())
    trunk = backend.compile_module(net.trunk, "appearance_trunk", fingerprint, (-1, 3, SIDE_PX, SIDE_PX), runtime)
    folder = options.work / "views"
    return {
        kind: [view_cache.cached(folder, path, trunk, VIEWS[kind], options.seed) for path in paths]
        for kind, paths in shards.items()
    }


def _detector(weights: Path) -> Detector:
    return run_poller.detector(WorkerConfig(yolo_weights=weights.resolve()))


def _counts(shards: Sequence[Views]) -> JSON:
    return {
        "shards": len(shards),
        "identities": sum(len(set(one.identities.tolist())) for one in shards),
        "crops": sum(len(one.identities) for one in shards),
        "views": sum(one.means.shape[0] * one.means.shape[1] for one in shards),
        "sha256": _digest(one.identities.tobytes() + one.means.tobytes() for one in shards),
    }


def _digest(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def _write_figures(path: Path, run: TrainingRun, plan: Plan, counts: Mapping[str, JSON]) -> JSON:
    figures: JSON = {
        "trained_on": counts,
        "world": world_mark(),
        "steps": run.steps,
        "seconds": round(run.seconds, 1),
        "parameters": sum(weight.numel() for weight in AppearanceNetwork().parameters()),
        "bytes": path.stat().st_size,
        "sha256": backend.sha256_of(path),
        "pytorch": torch.__version__,
        "plan": asdict(plan),
        "losses": run.losses[:: max(1, len(run.losses) // 24)],
    }
    path.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    log.info("%s: %d steps, %d bytes", path, run.steps, path.stat().st_size)
    return figures

"""A main model: loss, predictions on vehicles that it was not trained on, and export as a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax, one_hot

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification import checkpoint
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import OUTPUTS
from video_analysis.training import calibration
from video_analysis.training.hardware import Hardware
from video_analysis.training.mixed_views import Batch
from video_analysis.training.networks import MainModel, Tail
from video_analysis.training.train_loop import Loss
from video_analysis.training.trunk_cache import Maps
from video_analysis.training.vehicle_sets import UNLABELLED, Targets

SMOOTHING = 0.05
TYPE_WEIGHT = 3.0
"""Weight of the type's part of the loss: of a real vehicle only the type is known, and there are many more makes."""
OPEN_WEIGHT = 0.1
"""Weight of the open-set part of the loss: a binary decision per name, summed over the names."""
JUDGED_AT_ONCE = 64
Floats = NDArray[np.float64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Logits and targets of vehicles that the network was not trained on."""

    logits: Mapping[str, Floats]
    """Each output's N×C."""
    targets: Targets

    def scaled(self, temperatures: Mapping[str, float]) -> Predictions:
        """The same, each output divided by its temperature."""
        return Predictions({output: self.logits[output] / temperatures[output] for output in OUTPUTS}, self.targets)

    def chosen(self, rows: NDArray[np.bool_] | slice) -> Predictions:
        """Those of some vehicles."""
        return Predictions({output: self.logits[output][rows] for output in OUTPUTS}, self.targets[rows])

    def joined(self, other: Predictions) -> Predictions:
        """Those of both."""
        logits = {output: np.concatenate([self.logits[output], other.logits[output]]) for output in OUTPUTS}
        return Predictions(logits, np.concatenate([self.targets, other.targets]))

    def answers(self, output: str) -> NDArray[np.int64]:
        """The place of each vehicle's true name; of a group of types the first; negative where unknown."""
        if output == "type":
            return np.asarray(self.targets[:, :-2].argmax(axis=1), np.int64)
        return np.asarray(self.targets[:, -2 if output == "make" else -1], np.int64)


def loss_of(hardware: Hardware) -> Loss[Batch]:
    """Mean of three heads' losses: of the type by its group, of make and model where known, and an open-set part."""

    def loss(tail: torch.nn.Module, batch: Batch) -> torch.Tensor:
        maps = batch[0].to(hardware.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        targets = batch[1].to(hardware.device, non_blocking=True)
        with hardware.autocast():
            logits = {output: values.float() for output, values in tail(maps).items()}
        parts = [TYPE_WEIGHT * group_loss(logits["type"], targets[:, :-2])]
        for place, output in ((-2, "make"), (-1, "model")):
            parts += [known_loss(logits[output], targets[:, place]), open_loss(logits[output], targets[:, place])]
        return torch.stack(parts).sum() / len(OUTPUTS)

    return loss


def group_loss(logits: torch.Tensor, may_be: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with a group of names, of which one is the true one; smoothed.

    Half of it is that of the group's sum, half that of its most likely name: the sum alone is satisfied by a network
    that cannot tell the names of a group apart. Vehicles that may be of each type count nothing.
    """
    log_probs = log_softmax(logits, 1)
    inside = log_probs.masked_fill(may_be == 0, -torch.inf)
    of_group = (inside.logsumexp(1) + inside.amax(1)) / 2
    losses = -((1 - SMOOTHING) * of_group + SMOOTHING * log_probs.mean(1))
    is_labelled = may_be.min(1).values == 0
    return losses[is_labelled].sum() / max(1, int(is_labelled.sum()))


def known_loss(logits: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the vehicles whose name is known, per vehicle of the batch."""
    is_known = places >= 0
    total = cross_entropy(logits[is_known], places[is_known], label_smoothing=SMOOTHING, reduction="sum")
    return total / max(1, int(is_known.sum()))


def open_loss(logits: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Each name against all else (outlier exposure): no name fits a vehicle of unknown make. It fixes the scale of
    the logits, so that the open-set score separates them (Hendrycks et al., ICLR 2019). Vehicles without a label count
    nothing."""
    known = one_hot(places.clamp(min=0), logits.shape[1]).float() * (places >= 0)[:, None]
    losses = binary_cross_entropy_with_logits(logits, known, reduction="none").sum(1)
    return OPEN_WEIGHT * (losses * (places != UNLABELLED)).mean()


def predict(tail: Tail, maps: Maps, targets: Targets) -> Predictions:
    """Predictions for stored maps, in float32 as on the worker's CPU."""
    device = next(tail.parameters()).device
    parts: dict[str, list[Floats]] = {output: [] for output in OUTPUTS}
    for start in range(0, len(maps), JUDGED_AT_ONCE):
        batch = torch.from_numpy(maps[start : start + JUDGED_AT_ONCE].astype(np.float32)).to(device)
        with torch.inference_mode():
            for output, values in tail(batch).items():
                parts[output].append(values.double().cpu().numpy())
    return Predictions({output: np.concatenate(some) for output, some in parts.items()}, targets)


def start_from(net: MainModel, weights: Path) -> None:
    """Give `net` those weights of an exported main model that fit; the others stay as they are.

    Heads of other labels and blocks of another architecture do not. ConfigurationError if the file is no checkpoint.
    """
    own, found = net.state_dict(), checkpoint.read(weights).program.state_dict
    fitting = {name: value for name, value in found.items() if name in own and value.shape == own[name].shape}
    net.load_state_dict(fitting, strict=False)
    log.info("%s: %d of %d weights are those of %s", type(net).__name__, len(fitting), len(own), weights.name)


def temperatures(predictions: Predictions) -> dict[str, float]:
    """Temperature of each head, by vehicles whose names are known."""
    return {
        output: round(calibration.temperature(predictions.logits[output], predictions.answers(output)), 4)
        for output in OUTPUTS
    }


def export(net: MainModel, cool: Mapping[str, float], named: Labels, path: Path) -> None:
    """Write the checkpoint; the temperatures are folded into the heads' weights."""
    net = net.cpu().float().eval().to(memory_format=torch.contiguous_format)
    net.cool(cool)
    untrained_model.write(path, net, named)

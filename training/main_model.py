"""A main model of the demo: loss, validation figures, calibration, and export as a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.classification.labels import Calibration, Labels, PlattScaling, Thresholds
from video_analysis.main_worker.types import OUTPUTS, Logits
from video_analysis.training import calibration
from video_analysis.training.hardware import Hardware
from video_analysis.training.networks import MainModel
from video_analysis.training.snapshot_views import SnapshotViews, collated, normalised
from video_analysis.training.train_loop import Loss
from video_analysis.worker_utils.execution import concurrency

SMOOTHING = 0.05
JUDGED_AT_ONCE = 16
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Logits and true labels of the validation pictures."""

    logits: Mapping[str, Floats]
    """Each output's N×C."""
    answers: Mapping[str, NDArray[np.int64]]

    def scaled(self, temperatures: Mapping[str, float]) -> Predictions:
        """The same, each output divided by its temperature."""
        return Predictions({output: self.logits[output] / temperatures[output] for output in OUTPUTS}, self.answers)


def loss_of(hardware: Hardware) -> Loss[tuple[torch.Tensor, torch.Tensor]]:
    """Mean of the heads' cross-entropies, with label smoothing."""

    def loss(net: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        pictures, answers = batch[0], batch[1].to(hardware.device, non_blocking=True)
        with hardware.autocast():
            logits = net(normalised(pictures, hardware.device))
        parts = [
            cross_entropy(logits[output].float(), answers[:, place], label_smoothing=SMOOTHING)
            for place, output in enumerate(OUTPUTS)
        ]
        return torch.stack(parts).mean()

    return loss


def predict(net: MainModel, views: SnapshotViews, hardware: Hardware, threads: int) -> Predictions:
    """Predictions of the network for `views`, in float32 as on the worker's CPU."""
    logits: dict[str, list[Floats]] = {output: [] for output in OUTPUTS}
    answers: list[NDArray[np.int64]] = []

    def batch(start: int) -> tuple[torch.Tensor, torch.Tensor]:
        return collated([views[number] for number in range(start, min(start + JUDGED_AT_ONCE, len(views)))])

    for pictures, true in concurrency.parallel_map(batch, range(0, len(views), JUDGED_AT_ONCE), max(1, threads)):
        with torch.inference_mode():
            for output, values in net(normalised(pictures, hardware.device)).items():
                logits[output].append(values.double().cpu().numpy())
        answers.append(true.numpy())
    columns = np.concatenate(answers).T
    return Predictions(
        {output: np.concatenate(parts) for output, parts in logits.items()}, dict(zip(OUTPUTS, columns, strict=True))
    )


def temperatures(predictions: Predictions) -> dict[str, float]:
    """Temperature of each head."""
    return {
        output: calibration.temperature(predictions.logits[output], predictions.answers[output]) for output in OUTPUTS
    }


def verdict_calibration(judged: Mapping[str, tuple[Floats, NDArray[np.bool_]]]) -> Calibration:
    """Platt scaling of the joint decision: its confidences need it, since errors of the heads are correlated."""
    curves = {output: calibration.fit_logistic(*judged[output]) for output in OUTPUTS}
    return Calibration(
        **{output: PlattScaling(slope=round(a, 4), bias=round(b, 4)) for output, (a, b) in curves.items()}
    )


def head_figures(predictions: Predictions) -> dict[str, dict[str, float]]:
    """Top-1 and ECE of each head alone."""
    judged = {}
    for output in OUTPUTS:
        shares = calibration.softmax(predictions.logits[output])
        judged[output] = shares.max(axis=1), shares.argmax(axis=1) == predictions.answers[output]
    return figures(judged)


def verdicts(predictions: Predictions, named: Labels) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
    """(confidences, whether right) per output, decided by the worker's code without thresholds."""
    mute = named.model_copy(update={"thresholds": Thresholds(**dict.fromkeys(Thresholds.model_fields, 0.0))})
    logits = {output: values.astype(np.float32) for output, values in predictions.logits.items()}
    rows = [decide(Logits.of(logits, n), mute) for n in range(len(predictions.answers["type"]))]
    result = {}
    for output in OUTPUTS:
        confidences = np.array([getattr(row, f"{output}_conf") or 0.0 for row in rows])
        true = [named.names[output][answer] for answer in predictions.answers[output]]
        right = [getattr(row, f"{output}_label") == name for row, name in zip(rows, true, strict=True)]
        result[output] = (confidences, np.array(right))
    return result


def figures(judged: Mapping[str, tuple[Floats, NDArray[np.bool_]]]) -> dict[str, dict[str, float]]:
    """Top-1 and ECE of each output."""
    return {
        output: {
            "top1": round(float(right.mean()), 4),
            "ece": round(calibration.calibration_error(confidences, right), 4),
        }
        for output, (confidences, right) in judged.items()
    }


def thresholds(judged: Mapping[str, tuple[Floats, NDArray[np.bool_]]]) -> Thresholds:
    """Threshold of each output, from the validation pictures."""
    return Thresholds(**{output: calibration.threshold(*judged[output]) for output in OUTPUTS})


def export(net: MainModel, cool: Mapping[str, float], named: Labels, path: Path) -> None:
    """Write the checkpoint; the temperatures are folded into the heads' weights."""
    net = net.cpu().float().eval().to(memory_format=torch.contiguous_format)
    net.cool(cool)
    untrained_model.write(path, net, named)

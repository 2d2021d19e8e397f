"""The training loop: a time budget, a cosine learning rate, averaged weights, checkpoints.

It is the same for every network. Sample n is always the same, so that an interrupted run continues from its
checkpoint with the same result.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from video_analysis.training.hardware import Hardware
from video_analysis.worker_utils.execution import concurrency

View = TypeVar("View")
View_co = TypeVar("View_co", covariant=True)
Batch = TypeVar("Batch")
Loss = Callable[[torch.nn.Module, Batch], torch.Tensor]
"""Of a network and a batch as the collation gives it, the batch on the CPU still."""
WARM_UP_STEPS, WARM_UP_SHARE = 150, 0.05
"""The rate grows over so many steps, or over this share of the plan where that is less."""
LEAST_RATE = 0.02
AVERAGE_OVER = 0.999
LARGEST_GRADIENT = 10.0
CHECKPOINT_EVERY_S, CHECKPOINT_SHARE = 120.0, 0.1
"""A checkpoint is written after so much time, or after this share of the plan where that is less."""
REPORT_EVERY_S = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """Duration and hyperparameters of a training run."""

    name: str
    seed: int
    batch: int
    rate: float
    """AdamW's, at its height."""
    weight_decay: float
    seconds: float
    """Wall-clock time, over all continuations."""
    most_steps: int | None = None
    threads: int = 1
    """Batches prepared at a time."""


class Views(Protocol[View_co]):
    """An endless sequence of samples, of which sample n is always the same."""

    def __getitem__(self, number: int) -> View_co:
        """Sample `number`."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A measurement that is repeated during the training; its time does not count as training."""

    every_s: float
    measure: Callable[[torch.nn.Module], Mapping[str, float]]
    """Figures by name, of the averaged weights."""


@dataclass(slots=True)
class TrainingRun:
    """The state of a training run, as stored in a checkpoint."""

    net: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    steps: int = 0
    seconds: float = 0.0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean loss since the last entry)."""
    curve: list[tuple[int, float, dict[str, float]]] = field(default_factory=list)
    """(step, seconds of training, figures of the validation)."""


def train(
    net: torch.nn.Module, views: Views[View], collate: Callable[[list[View]], Batch], loss: Loss[Batch], plan: Plan,
    hardware: Hardware, checkpoint: Path, validation: Validation | None = None,
) -> TrainingRun:  # fmt: skip
    """Train `net` until the plan's time or steps are over; continues from the file `checkpoint` and updates it.

    The run's `average` is the result. RuntimeError for a checkpoint of another architecture, FloatingPointError
    for a loss that is not finite.
    """
    run = _new_run(net.to(hardware.device, memory_format=torch.channels_last), plan)
    if checkpoint.is_file():
        _load_checkpoint(run, checkpoint)
        log.info("%s: continues at step %d, after %.0f s", plan.name, run.steps, run.seconds)
    batches = concurrency.parallel_map(partial(_batch, views, collate, plan.batch), count(run.steps), plan.threads)
    with closing(batches):
        _run_steps(run, batches, loss, plan, checkpoint, validation)
    _save_checkpoint(run, checkpoint)
    return run


def progress(plan: Plan, run: TrainingRun) -> float:
    """0 at the start, at least 1 when the time or the steps are over."""
    by_steps = run.steps / plan.most_steps if plan.most_steps else 0.0
    return max(run.seconds / plan.seconds, by_steps)


def rate(plan: Plan, steps: int, done: float) -> float:
    """A linear warm-up, then a cosine over what is `done` (0..1) to a fiftieth (Loshchilov, Hutter, SGDR, 2017)."""
    cosine = LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    warmth = max((steps + 1) / WARM_UP_STEPS, done / WARM_UP_SHARE)
    return plan.rate * cosine * min(1.0, warmth)


def _new_run(net: torch.nn.Module, plan: Plan) -> TrainingRun:
    average = copy.deepcopy(net).eval().requires_grad_(False)
    heavy = [weight for weight in net.parameters() if weight.requires_grad and weight.ndim > 1]
    light = [weight for weight in net.parameters() if weight.requires_grad and weight.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": plan.weight_decay}, {"params": light, "weight_decay": 0.0}]
    return TrainingRun(net.train(), average, torch.optim.AdamW(groups, lr=plan.rate))


def _run_steps(
    run: TrainingRun, batches: Iterator[Batch], loss: Loss[Batch], plan: Plan, checkpoint: Path,
    validation: Validation | None,
) -> None:  # fmt: skip
    """Run steps until the end of the plan."""
    recent: list[torch.Tensor] = []
    saved_s = logged_s = validated_s = run.seconds
    while progress(plan, run) < 1:
        began = time.perf_counter()
        recent.append(_step(run, next(batches), loss, plan))
        run.seconds += time.perf_counter() - began
        if run.seconds - logged_s > REPORT_EVERY_S or progress(plan, run) >= 1:
            logged_s = run.seconds
            _log_loss(run, recent, plan)
        if validation and run.seconds - validated_s > validation.every_s:
            validated_s = run.seconds
            _validate(run, validation, plan)
        if run.seconds - saved_s > min(CHECKPOINT_EVERY_S, CHECKPOINT_SHARE * plan.seconds):
            saved_s = run.seconds
            _save_checkpoint(run, checkpoint)


def _validate(run: TrainingRun, validation: Validation, plan: Plan) -> None:
    figures = dict(validation.measure(run.average))
    run.curve.append((run.steps, round(run.seconds, 1), figures))
    log.info("%s: step %d, validation %s", plan.name, run.steps, figures)


def _step(run: TrainingRun, batch: Batch, loss: Loss[Batch], plan: Plan) -> torch.Tensor:
    torch.manual_seed(plan.seed * 2**32 + run.steps)  # the same dropout after an interruption
    for group in run.optimizer.param_groups:
        group["lr"] = rate(plan, run.steps, progress(plan, run))
    value = loss(run.net, batch)
    run.optimizer.zero_grad(set_to_none=True)
    value.backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), LARGEST_GRADIENT)
    run.optimizer.step()
    run.steps += 1
    _update(run)
    return value.detach()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _update(run: TrainingRun) -> None:
    """Update the moving average of the weights: fast at first, then over about 1,000 steps."""
    keep = min(AVERAGE_OVER, (1 + run.steps) / (10 + run.steps))
    mine, theirs = run.average.state_dict(), run.net.state_dict()
    for name, value in mine.items():
        if value.is_floating_point():
            value.lerp_(theirs[name], 1 - keep)
        else:
            value.copy_(theirs[name])


def _batch(views: Views[View], collate: Callable[[list[View]], Batch], size: int, step: int) -> Batch:
    """The batch of step number `step`."""
    return collate([views[number] for number in range(step * size, (step + 1) * size)])


def _log_loss(run: TrainingRun, recent: list[torch.Tensor], plan: Plan) -> None:
    mean = float(torch.stack(recent).mean())
    if not math.isfinite(mean):
        raise FloatingPointError(f"{plan.name}: the loss is {mean} by step {run.steps}; lower the rate")
    run.losses.append((run.steps, round(mean, 4)))
    recent.clear()
    log.info("%s: step %d, %.0f of %.0f s, loss %.4f", plan.name, run.steps, run.seconds, plan.seconds, mean)


def _save_checkpoint(run: TrainingRun, checkpoint: Path) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.with_suffix(".part")
    state = {part: getattr(run, part).state_dict() for part in ("net", "average", "optimizer")}
    torch.save(state | {name: getattr(run, name) for name in ("steps", "seconds", "losses", "curve")}, unfinished)
    unfinished.replace(checkpoint)


def _load_checkpoint(run: TrainingRun, checkpoint: Path) -> None:
    device = next(run.net.parameters()).device
    state = torch.load(checkpoint, map_location=device, weights_only=True)
    for part in ("net", "average", "optimizer"):
        getattr(run, part).load_state_dict(state[part])
    for name in ("steps", "seconds", "losses"):
        setattr(run, name, state[name])
    run.curve = state.get("curve", [])

"""The training loop: a budget of wall time, a cosine for the rate, an average of the weights, a memory on disk.

It is the same for every network. Sample n is always made of the same picture in the same way, so a course that was
cut off goes on where its memory stands as if nothing had been.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
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
REMEMBER_EVERY_S = 120.0
TELL_EVERY_S = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    name: str
    seed: int
    batch: int
    rate: float
    """AdamW's, at its height."""
    weight_decay: float
    seconds: float
    """Of wall time, all sittings together."""
    most_steps: int | None = None
    threads: int = 1
    """Batches prepared at a time."""


class Views(Protocol[View_co]):
    """What is learnt from: sample n is the same whenever it is asked for, and there is no last one."""

    def __getitem__(self, number: int) -> View_co:
        """Sample `number`."""


@dataclass(slots=True)
class Course:
    """A network while it learns, and all that has to be remembered of it."""

    net: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    steps: int = 0
    seconds: float = 0.0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean loss since the last entry)."""


def learn(
    net: torch.nn.Module, views: Views[View], collate: Callable[[list[View]], Batch], loss: Loss[Batch], plan: Plan,
    hardware: Hardware, memory: Path,
) -> Course:  # fmt: skip
    """Train `net` until the plan's time or steps are over; `memory` is the file to go on from, and kept for later.

    The course's `average` is the result. RuntimeError for a memory of another architecture,
    FloatingPointError for a loss that is no number any more.
    """
    course = _begun(net.to(hardware.device, memory_format=torch.channels_last), plan)
    if memory.is_file():
        _recall(course, memory)
        log.info("%s: goes on at step %d, after %.0f s", plan.name, course.steps, course.seconds)
    batches = concurrency.mapped(partial(_batch, views, collate, plan.batch), count(course.steps), plan.threads)
    with closing(batches):
        _go_through(course, batches, loss, plan, memory)
    _remember(course, memory)
    return course


def progress(plan: Plan, course: Course) -> float:
    """0 at the beginning, 1 and more when the time or the steps are over."""
    by_steps = course.steps / plan.most_steps if plan.most_steps else 0.0
    return max(course.seconds / plan.seconds, by_steps)


def rate(plan: Plan, steps: int, done: float) -> float:
    """A linear warm-up, then a cosine over what is `done` (0..1) to a fiftieth (Loshchilov, Hutter, SGDR, 2017)."""
    cosine = LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    warmth = max((steps + 1) / WARM_UP_STEPS, done / WARM_UP_SHARE)
    return plan.rate * cosine * min(1.0, warmth)


def _begun(net: torch.nn.Module, plan: Plan) -> Course:
    average = copy.deepcopy(net).eval().requires_grad_(False)
    heavy = [weight for weight in net.parameters() if weight.requires_grad and weight.ndim > 1]
    light = [weight for weight in net.parameters() if weight.requires_grad and weight.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": plan.weight_decay}, {"params": light, "weight_decay": 0.0}]
    return Course(net.train(), average, torch.optim.AdamW(groups, lr=plan.rate))


def _go_through(course: Course, batches: Iterator[Batch], loss: Loss[Batch], plan: Plan, memory: Path) -> None:
    """Step by step to the end of the plan."""
    recent: list[torch.Tensor] = []
    remembered = told = before = course.seconds
    began = time.perf_counter()
    while progress(plan, course) < 1:
        recent.append(_step(course, next(batches), loss, plan))
        course.seconds = before + time.perf_counter() - began
        if course.seconds - told > TELL_EVERY_S or progress(plan, course) >= 1:
            told = course.seconds
            _tell(course, recent, plan)
        if course.seconds - remembered > REMEMBER_EVERY_S:
            remembered = course.seconds
            _remember(course, memory)


def _step(course: Course, batch: Batch, loss: Loss[Batch], plan: Plan) -> torch.Tensor:
    torch.manual_seed(plan.seed * 2**32 + course.steps)  # dropout's dice, the same after an interruption
    for group in course.optimizer.param_groups:
        group["lr"] = rate(plan, course.steps, progress(plan, course))
    value = loss(course.net, batch)
    course.optimizer.zero_grad(set_to_none=True)
    value.backward()
    torch.nn.utils.clip_grad_norm_(course.net.parameters(), LARGEST_GRADIENT)
    course.optimizer.step()
    course.steps += 1
    _update(course)
    return value.detach()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _update(course: Course) -> None:
    """Move the average towards the weights: fast at the beginning, then over about 1,000 steps."""
    keep = min(AVERAGE_OVER, (1 + course.steps) / (10 + course.steps))
    mine, theirs = course.average.state_dict(), course.net.state_dict()
    for name, value in mine.items():
        if value.is_floating_point():
            value.lerp_(theirs[name], 1 - keep)
        else:
            value.copy_(theirs[name])


def _batch(views: Views[View], collate: Callable[[list[View]], Batch], size: int, step: int) -> Batch:
    """What the course learns from in its step number `step`."""
    return collate([views[number] for number in range(step * size, (step + 1) * size)])


def _tell(course: Course, recent: list[torch.Tensor], plan: Plan) -> None:
    mean = float(torch.stack(recent).mean())
    if not math.isfinite(mean):
        raise FloatingPointError(f"{plan.name}: the loss is {mean} by step {course.steps}; lower the rate")
    course.losses.append((course.steps, round(mean, 4)))
    recent.clear()
    log.info("%s: step %d, %.0f of %.0f s, loss %.4f", plan.name, course.steps, course.seconds, plan.seconds, mean)


def _remember(course: Course, memory: Path) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = memory.with_suffix(".part")
    state = {part: getattr(course, part).state_dict() for part in ("net", "average", "optimizer")}
    torch.save(state | {name: getattr(course, name) for name in ("steps", "seconds", "losses")}, unfinished)
    unfinished.replace(memory)


def _recall(course: Course, memory: Path) -> None:
    device = next(course.net.parameters()).device
    state = torch.load(memory, map_location=device, weights_only=True)
    for part in ("net", "average", "optimizer"):
        getattr(course, part).load_state_dict(state[part])
    for name in ("steps", "seconds", "losses"):
        setattr(course, name, state[name])

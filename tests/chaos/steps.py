"""The steps of both recipes, by name, and a hook that strikes at one of them.

The hook replaces methods of the adapters in a worker process that a test has started (launcher.py): the workers'
own code knows nothing of it, so it costs nothing where it is not wanted.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Side = Literal["before", "after"]

QUEUE, STORAGE = "worker_utils.aws.sqs:Queue", "worker_utils.aws.s3:ObjectStore"
VIDEOS, ANALYSES = "worker_utils.db.videos:VideoRepository", "worker_utils.db.image_analyses:ImageAnalysisRepository"
LEASE = "worker_utils.consumer.lease:HeldLease"
RECIPES: dict[str, tuple[str, ...]] = {
    "yolo_worker": (
        f"{QUEUE}.receive",
        f"{VIDEOS}.begin",
        f"{STORAGE}._download",
        f"{LEASE}.check",
        f"{ANALYSES}.claim",
        f"{STORAGE}.put",
        "worker_utils.aws.sqs:Publisher.send",
        f"{VIDEOS}.finish",
        f"{QUEUE}.delete",
    ),
    "main_worker": (
        f"{QUEUE}.receive",
        f"{ANALYSES}.begin_analyses",
        f"{STORAGE}.fetch_bytes",
        "main_worker.worker:SnapshotWorker._classify",
        f"{ANALYSES}.finish_analyses",
        f"{QUEUE}.delete",
    ),
}
"""`module:Class.method` of the calls by which a recipe touches the world when all goes well, in its order."""
SEEN_THROUGH = frozenset({f"{VIDEOS}.finish", f"{ANALYSES}.finish_analyses", f"{QUEUE}.delete"})
"""Told to stop at one of these, a worker still acknowledges what it has done."""
MOST_STRIKES = 3
"""Of one message: SQS never gives a receive back, and five are all there are."""
REPEATED = {f"{LEASE}.check": 15, f"{STORAGE}.put": 2, f"{ANALYSES}.claim": 2, "worker_utils.aws.sqs:Publisher.send": 2}
"""Steps struck a second time, at this call: the lease is checked at each frame while vehicles are looked for."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """One side of one step. A receive counts only where it brings something."""

    step: str
    side: Side
    call: int = 1
    """At which call, from 1."""

    def __str__(self) -> str:
        return f"{self.step} {self.side} {self.call}"

    @classmethod
    def parse(cls, text: str) -> Boundary:
        """What `str` gave."""
        step, side, call = text.split()
        return cls(step, "before" if side == "before" else "after", int(call))

    @property
    def name(self) -> str:
        """For a table: before ObjectStore.put (2)."""
        return f"{self.side} {self.step.split(':')[1]}" + (f" ({self.call})" if self.call > 1 else "")


def boundaries(worker: str) -> list[Boundary]:
    """Both sides of every step of a recipe; before a receive nothing is in hand, so it has one."""
    sides: tuple[Side, ...] = ("before", "after")
    calls = {step: (1, REPEATED[step]) if step in REPEATED else (1,) for step in RECIPES[worker]}
    found = [Boundary(step, side, call) for step in RECIPES[worker] for call in calls[step] for side in sides]
    return [boundary for boundary in found if boundary.step != f"{QUEUE}.receive" or boundary.side == "after"]


def chains(worker: str, seen_through: Collection[str] = ()) -> list[tuple[Boundary, ...]]:
    """All boundaries of a recipe in its order, as many of them in a row as one message bears.

    A strike at a step of `seen_through` is its chain's last: the work is finished all the same, and comes no more.
    """
    found: list[tuple[Boundary, ...]] = [()]
    for boundary in boundaries(worker):
        ended = len(found[-1]) == MOST_STRIKES or (found[-1] and found[-1][-1].step in seen_through)
        found[-1:] = [found[-1], (boundary,)] if ended else [(*found[-1], boundary)]
    return found


def title(chain: Sequence[Boundary]) -> str:
    """For a table: after Queue.receive, before VideoRepository.begin."""
    return ", ".join(boundary.name for boundary in chain)


def arm(boundary: Boundary, strike: Callable[[], object]) -> None:
    """Call `strike` at `boundary`, once."""
    owner, method = target(boundary.step)
    setattr(owner, method, _armed(getattr(owner, method), boundary, strike))


def target(step: str) -> tuple[Any, str]:
    """The class of a step, and the name of its method."""
    module, path = step.split(":")
    name, method = path.split(".")
    return getattr(importlib.import_module(f"video_analysis.{module}"), name), method


def _armed(inner: Callable[..., Any], boundary: Boundary, strike: Callable[[], object]) -> Callable[..., Any]:
    calls = 0
    is_receive = boundary.step == f"{QUEUE}.receive"

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if boundary.side == "before":
            calls += 1
            if calls == boundary.call:
                strike()
        result = inner(*args, **kwargs)
        if boundary.side == "after" and (result or not is_receive):
            calls += 1
            if calls == boundary.call:
                strike()
        return result

    return wrapper

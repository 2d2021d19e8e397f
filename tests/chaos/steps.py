"""The steps of both workers with an external effect, and a hook that runs an action before or after one of them.

The hook replaces a method in a worker process that a test has started (launcher.py). The workers' own code has no
such hooks, so it has no cost in production.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher, Queue
from video_analysis.worker_utils.consumer.lease import HeldLease
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.stage_checkpoints import StageCheckpointRepository
from video_analysis.worker_utils.db.video_runs import VideoRunRepository
from video_analysis.worker_utils.db.videos import VideoRepository

Side = Literal["before", "after"]
PACKAGE = "video_analysis."


def step(method: Callable[..., object]) -> str:
    """`module:Class.method`, the name of a step."""
    return f"{method.__module__.removeprefix(PACKAGE)}:{method.__qualname__}"


RECEIVE, DELETE = step(Queue.receive), step(Queue.delete)
CHECK_LEASE = step(HeldLease.check)
BEGIN_VIDEO, DOWNLOAD, CLAIM = (
    step(VideoRepository.begin),
    step(ObjectStore._download),
    step(ImageAnalysisRepository.claim),
)
PUT, SEND = step(ObjectStore.put), step(Publisher.send)
START_RUN, COMPLETE_RUN = step(VideoRunRepository.start), step(VideoRunRepository.complete)
ADD_CHECKPOINT = step(StageCheckpointRepository.add)
BEGIN_ANALYSES, FETCH = step(ImageAnalysisRepository.begin_analyses), step(ObjectStore.fetch_bytes)
CLASSIFY, FINISH_ANALYSES = step(SnapshotWorker._classify), step(ImageAnalysisRepository.finish_analyses)
STEPS: dict[str, tuple[str, ...]] = {
    "yolo_worker": (
        *(RECEIVE, START_RUN, BEGIN_VIDEO, DOWNLOAD, CHECK_LEASE, CLAIM, PUT, SEND, ADD_CHECKPOINT, COMPLETE_RUN),
        DELETE,
    ),
    "main_worker": (RECEIVE, BEGIN_ANALYSES, FETCH, CLASSIFY, FINISH_ANALYSES, DELETE),
}
"""The steps of a message without failures, in order."""
COMPLETED_STEPS = frozenset({COMPLETE_RUN, FINISH_ANALYSES, DELETE})
"""If SIGTERM arrives at one of these, the worker still acknowledges the message."""
STEPS_OF_A_FIRST_ATTEMPT = frozenset({ADD_CHECKPOINT})
"""A later attempt may lack them: a worker that is stopped stores what it has processed, perhaps the whole video."""
MAX_FAULTS_PER_MESSAGE = 3
"""Every kill costs a receive, and a message has five."""
SECOND_CALL = {CHECK_LEASE: 15, PUT: 2, CLAIM: 2, SEND: 2}
"""Steps that are interrupted at this call too. The lease is checked at each frame: call 15 is within detection."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """One side of one step. A receive counts only if it returns a message."""

    step: str
    side: Side
    call: int = 1
    """Number of the call, from 1."""

    def __str__(self) -> str:
        return f"{self.step} {self.side} {self.call}"

    @classmethod
    def parse(cls, text: str) -> Boundary:
        """The inverse of `str`."""
        step, side, call = text.split()
        return cls(step, "before" if side == "before" else "after", int(call))

    @property
    def name(self) -> str:
        """For a table, such as `before ObjectStore.put (2)`."""
        return f"{self.side} {self.step.split(':')[1]}" + (f" ({self.call})" if self.call > 1 else "")


def boundaries(worker: str) -> list[Boundary]:
    """Both sides of every step of a worker, in order; only `after` for the receive, before which there is no work."""
    sides: tuple[Side, ...] = ("before", "after")
    calls = {step: (1, SECOND_CALL[step]) if step in SECOND_CALL else (1,) for step in STEPS[worker]}
    found = [Boundary(step, side, call) for step in STEPS[worker] for call in calls[step] for side in sides]
    return [boundary for boundary in found if boundary.step != RECEIVE or boundary.side == "after"]


def chains(worker: str, completed_steps: Collection[str] = ()) -> list[tuple[Boundary, ...]]:
    """All boundaries of a worker in order, in groups of at most MAX_FAULTS_PER_MESSAGE.

    A step of `completed_steps` is the last of its group: the message is acknowledged and is not received again. One of
    STEPS_OF_A_FIRST_ATTEMPT is the first of its group.
    """
    found: list[tuple[Boundary, ...]] = [()]
    for boundary in boundaries(worker):
        full = len(found[-1]) == MAX_FAULTS_PER_MESSAGE
        acknowledged = found[-1] and found[-1][-1].step in completed_steps
        ended = full or acknowledged or (found[-1] and boundary.step in STEPS_OF_A_FIRST_ATTEMPT)
        found[-1:] = [found[-1], (boundary,)] if ended else [(*found[-1], boundary)]
    return found


def title(chain: Sequence[Boundary]) -> str:
    """For a table, such as `after Queue.receive, before VideoRepository.begin`."""
    return ", ".join(boundary.name for boundary in chain)


def arm(boundary: Boundary, action: Callable[[], object]) -> None:
    """Call `action` at `boundary`, once."""
    owner, method = target(boundary.step)
    setattr(owner, method, _armed(getattr(owner, method), boundary, action))


def target(step: str) -> tuple[Any, str]:
    """The class of a step, and the name of its method."""
    module, path = step.split(":")
    name, method = path.split(".")
    return getattr(importlib.import_module(f"{PACKAGE}{module}"), name), method


def _armed(inner: Callable[..., Any], boundary: Boundary, action: Callable[[], object]) -> Callable[..., Any]:
    calls = 0
    is_receive = boundary.step == RECEIVE

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if boundary.side == "before":
            calls += 1
            if calls == boundary.call:
                action()
        result = inner(*args, **kwargs)
        if boundary.side == "after" and (result or not is_receive):
            calls += 1
            if calls == boundary.call:
                action()
        return result

    return wrapper

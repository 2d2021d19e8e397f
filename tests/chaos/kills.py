"""kill -9 at every boundary of both workers, and at random times."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from video_analysis.tests.chaos.environment import WORKERS, ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.steps import MAX_FAULTS_PER_MESSAGE, Boundary, chains, title
from video_analysis.tests.chaos.supervisor import SupervisedWorker

KILL_TIMEOUT_S = 10.0
"""Longest time from SIGKILL to the end of the process."""
VIDEOS_AT_A_TIME = 3
PARTS = 8
"""Number of scenarios with random kills, so that they can run in parallel."""
LONGEST_S = {"yolo_worker": 4.0, "main_worker": 0.3}
"""Longest delay from a receive to a random kill: about the time for which a message is in flight."""


def scenarios(random_kills: int, seed: int) -> Iterator[tuple[str, Scenario]]:
    """Kills at every boundary, up to three per video; then kills at random times."""
    for worker in WORKERS:
        for chain in chains(worker):
            yield f"kill -9 {worker} {title(chain)}", partial(at_boundaries, worker=worker, boundaries=chain)
    for part in range(PARTS):
        share = len(range(part, random_kills, PARTS))
        if share:
            yield (
                f"kill -9 at random instants, {part + 1} of {PARTS}",
                partial(at_random, kills=share, seed=seed + part),
            )


def at_boundaries(chaos: ChaosEnvironment, scenario: str, *, worker: str, boundaries: Sequence[Boundary]) -> Result:
    """One video with a kill at each boundary in turn: each attempt is killed at the next boundary."""
    dead = chaos.dead()
    chaos.interrupt_at(worker, boundaries, after_stop=_killed)
    return chaos.evaluate(scenario, len(boundaries), dead)


def at_boundary(chaos: ChaosEnvironment, scenario: str, *, worker: str, boundary: Boundary) -> Result:
    """One video with one kill."""
    return at_boundaries(chaos, scenario, worker=worker, boundaries=[boundary])


def _killed(supervised: SupervisedWorker, boundary: Boundary) -> None:
    code = supervised.running.wait(KILL_TIMEOUT_S)
    assert code == -signal.SIGKILL, f"{supervised.worker} ended with {code} {boundary.name}:\n{supervised.log_tail()}"


def at_random(chaos: ChaosEnvironment, scenario: str, *, kills: int, seed: int) -> Result:
    """Send videos while both workers are killed at random times with messages in flight."""
    rng = random.Random(seed)
    killers = [_RandomKiller(supervised, rng) for supervised in chaos.workers.values()]
    dead = chaos.dead()
    runs: list[Result] = []
    while sum(killer.kill_count for killer in killers) < kills and len(runs) < kills:
        for _ in range(VIDEOS_AT_A_TIME):
            chaos.send()
        chaos.settle(partial(_kill_when_due, chaos, killers))
        runs.append(chaos.evaluate(scenario, 0, dead))
        if runs[-1].left_in_queue:
            break
    return summed(scenario, runs, sum(killer.kill_count for killer in killers))


def _kill_when_due(chaos: ChaosEnvironment, killers: Iterable[_RandomKiller]) -> None:
    for killer in killers:
        chaos.faults_done += killer.kill_when_due()


def summed(scenario: str, runs: Iterable[Result], faults: int | None = None) -> Result:
    """The sum of several results."""
    runs = list(runs)
    return Result(
        scenario,
        sum(run.runs for run in runs),
        sum(run.faults for run in runs) if faults is None else faults,
        sum(run.lost for run in runs),
        sum(run.duplicated for run in runs),
        sum(run.divergent for run in runs),
        sum(run.left_in_queue for run in runs),
        max((run.wrong_in_dlq for run in runs), default=0),
        next((run.failure for run in runs if run.failure), None),
    )


class _RandomKiller:
    """Kills a worker at random times after a receive, at most MAX_FAULTS_PER_MESSAGE times per message."""

    def __init__(self, supervised: SupervisedWorker, rng: random.Random) -> None:
        self._supervised = supervised
        self._rng = rng
        self._kills_by_message: Counter[str] = Counter()
        self._at_s: float | None = None
        self.kill_count = 0

    def kill_when_due(self) -> bool:
        """Kill the worker if its time has come; returns whether it was killed."""
        held = self._supervised.in_flight()
        if not held or any(self._kills_by_message[message] >= MAX_FAULTS_PER_MESSAGE for message in held):
            self._at_s = None
            return False
        now_s = time.monotonic()
        if self._at_s is None:
            self._at_s = now_s + self._rng.uniform(0, LONGEST_S[self._supervised.worker])
        if now_s < self._at_s:
            return False
        self._kills_by_message.update(held)
        self._at_s = None
        self.kill_count += 1
        self._supervised.kill()
        return True

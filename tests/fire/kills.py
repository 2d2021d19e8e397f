"""kill -9: at every boundary of both recipes, and at random instants."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial

from video_analysis.tests.fire.field import Field, Result
from video_analysis.tests.fire.steps import Boundary
from video_analysis.tests.fire.supervisor import Supervised

MOST_KILLS = 3
"""Of one message: SQS never gives a receive back, and five are all there are."""
VIDEOS_AT_A_TIME = 3
LONGEST_S = {"yolo_worker": 4.0, "main_worker": 0.3}
"""About how long a worker has a message in hand: the instants are drawn from it."""


def at_boundary(field: Field, scenario: str, *, worker: str, boundary: Boundary) -> Result:
    """One video, and one kill where the recipe says."""
    place = field.workers[worker]
    assert place.stop() == 0, f"{worker}: SIGTERM ended badly\n{place.last_words()}"
    kills, dead = place.kills, field.dead()
    place.start(boundary)
    field.send()
    field.settle()
    return field.account(scenario, place.kills - kills, dead)


def at_random(field: Field, scenario: str, *, kills: int, seed: int) -> Result:
    """Videos one after the other, while both workers are killed at random instants with work in hand."""
    rng = random.Random(seed)
    guns = [_Gun(place, rng) for place in field.workers.values()]
    dead = field.dead()
    runs: list[Result] = []
    while sum(gun.shots for gun in guns) < kills and len(runs) < kills:
        for _ in range(VIDEOS_AT_A_TIME):
            field.send()
        field.settle(partial(_fire, guns))
        runs.append(field.account(scenario, 0, dead))
        if runs[-1].left_in_queue:
            break
    return summed(scenario, runs, sum(gun.shots for gun in guns))


def _fire(guns: Iterable[_Gun]) -> None:
    for gun in guns:
        gun.fire()


def summed(scenario: str, runs: Iterable[Result], faults: int | None = None) -> Result:
    """One line for many runs."""
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
    )


class _Gun:
    """Kills one worker at drawn instants after it has received something, no message more often than it can bear."""

    def __init__(self, place: Supervised, rng: random.Random) -> None:
        self._place = place
        self._rng = rng
        self._hits: Counter[str] = Counter()
        self._at_s: float | None = None
        self.shots = 0

    def fire(self) -> None:
        """Look, and kill if it is time."""
        held = self._place.in_hand()
        if not held or any(self._hits[message] >= MOST_KILLS for message in held):
            self._at_s = None
            return
        now_s = time.monotonic()
        if self._at_s is None:
            self._at_s = now_s + self._rng.uniform(0, LONGEST_S[self._place.worker])
        if now_s >= self._at_s:
            self._hits.update(held)
            self._at_s = None
            self.shots += 1
            self._place.kill()

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from functools import partial

import pytest

from video_analysis.worker_utils.execution.stage_clock import StageClock, timed


class Watch:
    """A clock that moves only when a stage works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def stage(self, items: Iterable[int], seconds_each: float, keep_every: int = 1) -> Iterator[int]:
        for item in items:
            self.now += seconds_each
            if item % keep_every == 0:
                yield item


def test_each_stage_of_a_chain_is_charged_with_its_own_time_alone() -> None:
    watch = Watch()
    clock = StageClock({"decode": None, "detect": "decode", "select": "detect"})
    stage = partial(timed, observer=clock, clock=watch)
    decoded = stage("decode", watch.stage(range(10), 0.5))
    detected = stage("detect", watch.stage(decoded, 2.0))
    selected = stage("select", watch.stage(detected, 0.25, keep_every=5))
    assert list(selected) == [0, 5]
    assert clock.own_seconds() == {"decode": 5.0, "detect": 20.0, "select": 2.5}
    assert [clock.count(name) for name in ("decode", "detect", "select")] == [10, 10, 2]


def test_a_stage_fed_by_another_thread_is_charged_with_all_the_time_it_was_waited_for() -> None:
    watch = Watch()
    clock = StageClock({"decode": None, "detect": None})
    decoded = timed("decode", watch.stage(range(2), 0.5), clock, watch)
    assert list(timed("detect", watch.stage(decoded, 2.0), clock, watch)) == [0, 1]
    assert clock.own_seconds() == {"decode": 1.0, "detect": 5.0}


def test_what_the_consumer_of_the_chain_does_between_items_is_charged_to_no_stage() -> None:
    watch = Watch()
    clock = StageClock({"decode": None})
    for _ in timed("decode", watch.stage(range(3), 1.0), clock, watch):
        watch.now += 100
    assert clock.own_seconds() == {"decode": 3.0}


def test_a_stage_that_fails_is_charged_up_to_its_failure() -> None:
    watch = Watch()
    clock = StageClock({"decode": None})

    def failing() -> Iterator[int]:
        yield from watch.stage([0], 1.0)
        watch.now += 4
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(timed("decode", failing(), clock, watch))
    assert clock.own_seconds() == {"decode": 5.0}
    assert clock.count("decode") == 1


def test_closing_the_chain_closes_what_it_was_made_of() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append("source")

    chain: Generator[int, None, None] = timed("decode", source(), StageClock({"decode": None}))
    assert next(chain) == 0
    chain.close()
    assert closed == ["source"]


def test_a_stage_that_never_ran_costs_nothing() -> None:
    clock = StageClock({"decode": None})
    timed("decode", [], clock)
    assert clock.own_seconds() == {"decode": 0.0}
    assert clock.count("decode") == 0


def test_the_own_seconds_of_each_pull_are_reported_and_add_up() -> None:
    watch = Watch()
    reported: list[tuple[str, float, int]] = []
    clock = StageClock({"decode": None, "detect": "decode", "select": "detect"}, lambda *pull: reported.append(pull))
    stage = partial(timed, observer=clock, clock=watch)
    detected = stage("detect", watch.stage(stage("decode", watch.stage(range(6), 0.5)), 2.0))
    assert list(stage("select", watch.stage(detected, 0.25, keep_every=3))) == [0, 3]
    assert reported[:3] == [("decode", 0.5, 1), ("detect", 2.0, 1), ("select", 0.25, 1)]
    for name in ("decode", "detect", "select"):
        assert sum(own_s for one, own_s, _ in reported if one == name) == clock.own_seconds()[name]
        assert sum(items for one, _, items in reported if one == name) == clock.count(name)

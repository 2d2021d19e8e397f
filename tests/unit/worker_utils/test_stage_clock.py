from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from video_analysis.worker_utils.execution.stage_clock import StageClock


class Watch:
    """A clock that moves only when a stage says how long it worked."""

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
    clock = StageClock(watch)
    decoded = clock.timed("decode", watch.stage(range(10), 0.5))
    detected = clock.timed("detect", watch.stage(decoded, 2.0), upstream="decode")
    selected = clock.timed("select", watch.stage(detected, 0.25, keep_every=5), upstream="detect")
    assert list(selected) == [0, 5]
    assert clock.own_seconds() == {"decode": 5.0, "detect": 20.0, "select": 2.5}
    assert [clock.count(stage) for stage in ("decode", "detect", "select")] == [10, 10, 2]


def test_a_stage_fed_by_another_thread_is_charged_with_all_that_it_was_waited_for() -> None:
    watch = Watch()
    clock = StageClock(watch)
    decoded = clock.timed("decode", watch.stage(range(2), 0.5))
    assert list(clock.timed("detect", watch.stage(decoded, 2.0))) == [0, 1]
    assert clock.own_seconds() == {"decode": 1.0, "detect": 5.0}


def test_what_the_consumer_of_the_chain_does_between_items_is_nobody_s_time() -> None:
    watch = Watch()
    clock = StageClock(watch)
    for _ in clock.timed("decode", watch.stage(range(3), 1.0)):
        watch.now += 100
    assert clock.own_seconds() == {"decode": 3.0}


def test_a_stage_that_fails_is_charged_up_to_its_failure() -> None:
    watch = Watch()
    clock = StageClock(watch)

    def failing() -> Iterator[int]:
        yield from watch.stage([0], 1.0)
        watch.now += 4
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(clock.timed("decode", failing()))
    assert clock.own_seconds() == {"decode": 5.0}
    assert clock.count("decode") == 1


def test_closing_the_chain_closes_what_it_was_made_of() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append("source")

    chain = StageClock().timed("decode", source())
    assert next(chain) == 0
    chain.close()
    assert closed == ["source"]


def test_a_stage_that_never_ran_costs_nothing() -> None:
    clock = StageClock()
    clock.timed("decode", [])
    assert clock.own_seconds() == {"decode": 0.0}
    assert (clock.count("decode"), clock.count("nobody")) == (0, 0)

"""Stages side by side: order, bounds, failures and ends, with real threads that wait for events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.worker_utils.execution.concurrency import parallel_map, prefetch

PATIENCE_S = 10


class Source:
    """Numbers from 0, how many have been asked for, and whether it has been closed, and by which thread."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.given = 0
        self.closed_by: str | None = None
        self._count = count
        self._fails_at = fails_at

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self._count):
                if number == self._fails_at:
                    raise ValueError(f"no number {number}")
                self.given += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


@given(count=st.integers(0, 30), depth=st.integers(1, 5), workers=st.integers(1, 5))
def test_every_item_comes_out_once_and_in_order(count: int, depth: int, workers: int) -> None:
    chain = parallel_map(lambda number: number * number, prefetch(range(count), depth), workers)
    assert list(chain) == [number * number for number in range(count)]


def test_the_source_runs_in_its_own_thread_and_at_most_depth_items_ahead() -> None:
    source = Source(100)
    with closing(prefetch(source, depth=3)) as coming:
        assert [next(coming) for _ in range(10)] == list(range(10))
    assert source.given <= 10 + 3
    assert source.closed_by == "prefetch"


def test_what_the_source_raises_comes_in_its_place() -> None:
    coming = prefetch(Source(5, fails_at=3), depth=2)
    assert [next(coming) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no number 3"):
        next(coming)


def test_workers_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)
    assert len(list(parallel_map(lambda _: both.wait(), range(4), workers=2))) == 4


def test_a_slow_item_holds_its_followers_back_and_the_source_with_them() -> None:
    source, go_on = Source(100), threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert go_on.wait(PATIENCE_S)
        return number

    with closing(parallel_map(work, source, workers=2)) as results:
        threading.Timer(0.05, go_on.set).start()
        assert next(results) == 0
        assert source.given == 3
        assert list(results) == list(range(1, 100))


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_results_before_a_failure_of_the_source_come_out(workers: int) -> None:
    got: list[str] = []
    with pytest.raises(ValueError, match="no number 20"):
        got.extend(parallel_map(str, Source(30, fails_at=20), workers))
    assert got == [str(number) for number in range(20)]


def test_a_failure_does_not_wait_until_there_are_more_items_than_workers() -> None:
    failed = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        assert failed.wait(PATIENCE_S)
        yield 1
        raise AssertionError("asked for a third item with the first one's failure at hand")

    def work(number: int) -> int:
        try:
            raise ValueError("no upload")
        finally:
            threading.Timer(0.05, failed.set).start()

    with pytest.raises(ValueError, match="no upload"):
        list(parallel_map(work, source(), workers=8))


def test_a_source_that_cannot_begin_fails_instead_of_waiting_for_ever() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        next(prefetch(3, depth=1))  # type: ignore[arg-type]


def test_a_failure_ends_the_rest_and_waits_for_what_has_begun() -> None:
    source, begun, ended = Source(100), [], []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("no 2")
        ended.append(number)
        return number

    results = parallel_map(work, source, workers=2)
    with pytest.raises(ValueError, match="no 2"):
        list(results)
    assert source.closed_by == threading.current_thread().name
    assert sorted([*ended, 2]) == sorted(begun)
    assert len(begun) <= 6


def test_closing_half_way_closes_the_source() -> None:
    source = Source(100)
    results = parallel_map(str, prefetch(source, depth=2), workers=2)
    assert next(results) == "0"
    results.close()
    assert source.closed_by == "prefetch"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("prefetch", "mapped"))]

"""Results of sinks leave in the order of the frames, and the remaining ones when the frames end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.types import Frame, TrackedFrame


@dataclass
class NamedSink:
    """Gives one result per frame, and one when it is closed."""

    name: str
    observed: list[int] = field(default_factory=list)
    closed: int = 0

    def observe(self, frame: TrackedFrame) -> Iterable[str]:
        self.observed.append(frame.frame.index)
        return [f"{self.name}{frame.frame.index}"]

    def close(self) -> Iterable[str]:
        self.closed += 1
        return [f"{self.name} closed"]


class CountingSink:
    """A sink with results of another type."""

    def __init__(self) -> None:
        self._frames = 0

    def observe(self, frame: TrackedFrame) -> Iterable[int]:
        self._frames += 1
        return ()

    def close(self) -> Iterable[int]:
        return [self._frames]


def frames(count: int) -> Iterator[TrackedFrame]:
    for index in range(count):
        yield TrackedFrame(Frame(index, 40 * index, np.zeros((1, 1, 3), np.uint8)), [], [])


def test_each_frame_is_observed_once_and_the_sink_is_closed_after_the_last() -> None:
    sink = NamedSink("a")
    assert list(drain.results(frames(3), sink)) == ["a0", "a1", "a2", "a closed"]
    assert (sink.observed, sink.closed) == ([0, 1, 2], 1)


def test_a_result_leaves_before_the_next_frame_is_pulled() -> None:
    pulled: list[int] = []

    def counted() -> Iterator[TrackedFrame]:
        for frame in frames(3):
            pulled.append(frame.frame.index)
            yield frame

    results = drain.results(counted(), NamedSink("a"))
    assert next(results) == "a0"
    assert pulled == [0]


def test_two_sinks_observe_the_same_frames_in_their_order() -> None:
    results = list(drain.results(frames(2), NamedSink("a"), NamedSink("b")))
    assert results == ["a0", "b0", "a1", "b1", "a closed", "b closed"]


def test_sinks_may_have_results_of_different_types() -> None:
    results: list[str | int] = list(drain.results(frames(2), NamedSink("a"), CountingSink()))
    assert results == ["a0", "a1", "a closed", 2]


def test_a_source_without_frames_only_closes_the_sink() -> None:
    assert list(drain.results([], NamedSink("a"))) == ["a closed"]


def test_a_sink_is_not_closed_if_the_frames_fail() -> None:
    def broken() -> Iterator[TrackedFrame]:
        yield from frames(1)
        raise BadVideo("truncated: 1 of 2 frames")

    sink = NamedSink("a")
    with pytest.raises(BadVideo):
        list(drain.results(broken(), sink))
    assert (sink.observed, sink.closed) == ([0], 0)


def test_a_sink_is_not_closed_if_the_results_are_closed_early() -> None:
    sink = NamedSink("a")
    results = drain.results(frames(3), sink)
    next(results)
    results.close()
    assert (sink.observed, sink.closed) == ([0], 0)

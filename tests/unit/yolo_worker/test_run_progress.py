"""The progress of a run: what is written, how often, and how an operator's request stops the work."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from video_analysis.worker_utils.db.run_types import Request, RunProgress, RunState, RunStatus
from video_analysis.worker_utils.errors import Cancelled, EnvironmentFault, Paused, WorkerError
from video_analysis.yolo_worker.runs import progress
from video_analysis.yolo_worker.runs.progress import ProgressWriter


@dataclass
class Table:
    """Records what is written; `state` is what the row then contains."""

    state: RunState | None = field(default_factory=lambda: RunState("running", None))
    failure: WorkerError | None = None
    written: list[RunProgress] = field(default_factory=list)
    failures: list[WorkerError] = field(default_factory=list)
    now_s: float = 100.0

    def write(self, row: RunProgress) -> RunState | None:
        self.written.append(row)
        if self.failure is not None:
            raise self.failure
        return self.state

    def writer(self) -> ProgressWriter:
        return ProgressWriter(self.write, self.failures.append, lambda: self.now_s)


@pytest.fixture
def table() -> Table:
    return Table()


def test_the_first_check_writes_and_then_one_every_two_seconds(table: Table) -> None:
    writer = table.writer()
    for _ in range(100):
        writer.check()
        table.now_s += 0.1
    assert len(table.written) == 5


def test_frames_rate_and_remaining_time_follow_the_work(table: Table) -> None:
    writer = table.writer()
    assert writer.current == RunProgress("download", 0, None, None, None, None, 0)
    table.now_s += 50
    writer.begin_frames(400)
    for _ in range(100):
        writer.add_frame()
    writer.add_vehicle()
    table.now_s += 4
    assert writer.current == RunProgress("detect", 100, 400, 0.25, 25.0, 12.0, 1)


def test_the_remaining_time_follows_the_latest_rate(table: Table) -> None:
    writer = table.writer()
    writer.begin_frames(8000)
    for frames_a_second in [10] * 100 + [30] * 100:
        for _ in range(frames_a_second):
            writer.add_frame()
        table.now_s += 1
        writer.check()
    assert writer.current.fps == 20.0
    assert writer.current.eta_s == pytest.approx(4000 / 30, rel=0.01)


def test_stored_frames_do_not_count_for_the_rate(table: Table) -> None:
    writer = table.writer()
    writer.begin_frames(1000, are_stored=True)
    for _ in range(500):
        writer.add_frame()
    table.now_s += 1
    writer.check()
    writer.begin_live()
    for _ in range(100):
        writer.add_frame()
    table.now_s += 10
    writer.check()
    assert (writer.current.fps, writer.current.eta_s) == (10.0, 40.0)


def test_without_an_exact_number_of_frames_there_is_no_estimate(table: Table) -> None:
    writer = table.writer()
    writer.begin_frames(None)
    writer.add_frame()
    table.now_s += 1
    assert writer.current == RunProgress("detect", 1, None, None, 1.0, None, 0)


def test_more_frames_than_announced_are_no_more_than_all(table: Table) -> None:
    writer = table.writer()
    writer.begin_frames(1)
    writer.add_frame()
    writer.add_frame()
    writer.end_frames()
    table.now_s += 1
    assert writer.current == RunProgress("finish", 2, 1, 1.0, 2.0, 0.0, 0)


STOPS: list[tuple[RunStatus, Request | None, type[WorkerError] | None]] = [
    ("running", None, None),
    ("running", "pause", Paused),
    ("running", "cancel", Cancelled),
    ("paused", None, Paused),
    ("cancelled", None, Cancelled),
    ("failed", "pause", Paused),
    ("completed", "cancel", None),
]


@pytest.mark.parametrize(("status", "requested", "stop"), STOPS)
def test_a_request_or_a_stop_by_another_worker_stops_the_work(
    table: Table, status: RunStatus, requested: Request | None, stop: type[WorkerError] | None
) -> None:
    table.state = RunState(status, requested)
    writer = table.writer()
    for _ in range(2):
        if stop is None:
            writer.check()
        else:
            with pytest.raises(stop):
                writer.check()
    assert len(table.written) == 1


def test_a_run_whose_row_is_gone_goes_on(table: Table) -> None:
    table.state = None
    table.writer().check()
    assert len(table.written) == 1


def test_a_failed_write_is_reported_once_and_repeated_less_and_less_often(table: Table) -> None:
    table.failure = EnvironmentFault("database down")
    writer = table.writer()
    for _ in range(400):
        writer.check()
        table.now_s += 1
    assert table.failures == [table.failure]
    assert 8 <= len(table.written) <= 14
    table.failure = None
    table.now_s += 2 * progress.LONGEST_BREAK_S
    before = len(table.written)
    for _ in range(4):
        writer.check()
        table.now_s += 2
    assert len(table.written) == before + 4

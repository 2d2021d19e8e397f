"""PostgreSQL fails while messages are in flight: stopped, connections cut, rows locked, disk full."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from video_analysis.tests.chaos import database_server
from video_analysis.tests.chaos.conditions import logged, reconfigured, wait_alive, wait_ready, wait_until
from video_analysis.tests.chaos.database_server import Server
from video_analysis.tests.chaos.environment import TIMEOUT_S, ChaosEnvironment, Result, Scenario

OUTAGE_S = 60
CUT_EVERY_S = 0.4
DEADLOCK = "40P01"
"""SQLSTATE deadlock_detected."""


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs."""
    yield f"PostgreSQL stopped for {OUTAGE_S} s", partial(stopped, mode="immediate", seconds=OUTAGE_S)
    yield "PostgreSQL restarted", partial(stopped, mode="fast", seconds=2)
    yield "PostgreSQL: connections cut", connections_cut
    yield "PostgreSQL: a deadlock", deadlock
    yield "PostgreSQL: a row locked past the time limit", row_locked
    yield "PostgreSQL: disk full", full


def stopped(chaos: ChaosEnvironment, scenario: str, *, mode: str, seconds: float) -> Result:
    """The server stops while rows are written, and starts again."""
    dead, server = chaos.dead(), Server.at(chaos.stack.database_url)
    with reconfigured(chaos):
        chaos.send()
        chaos.send()
        chaos.workers["yolo_worker"].await_event("snapshot.ready", TIMEOUT_S)
        with server.stopped(mode):
            chaos.faults_done += 1
            wait_alive(chaos, seconds)
        chaos.settle()
        return chaos.evaluate(scenario, 1, dead)


def connections_cut(chaos: ChaosEnvironment, scenario: str, *, cuts: int = 20) -> Result:
    """Connections of busy workers are terminated repeatedly."""
    dead, before, last_s = chaos.dead(), chaos.faults_done, 0.0

    def cut() -> None:
        nonlocal last_s
        is_due = chaos.faults_done - before < cuts and time.monotonic() - last_s > CUT_EVERY_S
        if is_due and any(supervised.in_flight() for supervised in chaos.workers.values()):
            chaos.faults_done += database_server.cut_connections(chaos.stack)
            last_s = time.monotonic()

    with reconfigured(chaos):
        for _ in range(3):
            chaos.send()
        chaos.settle(cut)
        return chaos.evaluate(scenario, chaos.faults_done - before, dead)


def deadlock(chaos: ChaosEnvironment, scenario: str) -> Result:
    """Another client locks the rows of a batch in the opposite order: PostgreSQL aborts the worker (40P01)."""
    dead, supervised = chaos.dead(), chaos.workers["main_worker"]
    with reconfigured(chaos):
        first, last = _rows_of_a_waiting_video(chaos)
        lock = "SELECT FROM image_analyses WHERE id = %s FOR UPDATE"
        with database_server.locked(chaos.stack, lock, last) as other, other.cursor() as cursor:
            supervised.start()
            database_server.await_blocked(chaos.stack, TIMEOUT_S)
            cursor.execute(lock, (first,))
        chaos.settle()
        deadlocks = [
            line for line in logged(supervised, "database.transaction_retried") if line["sqlstate"] == DEADLOCK
        ]
        return chaos.evaluate(scenario, len(deadlocks), dead)


def row_locked(chaos: ChaosEnvironment, scenario: str) -> Result:
    """A row of a batch is locked for longer than the worker's lock timeout (55P03)."""
    dead, supervised = chaos.dead(), chaos.workers["main_worker"]
    with reconfigured(chaos):
        _, last = _rows_of_a_waiting_video(chaos)
        lock = "UPDATE image_analyses SET updated_at = updated_at WHERE id = %s"
        with database_server.locked(chaos.stack, lock, last):
            supervised.start()
            supervised.await_event("message.failed", TIMEOUT_S, "database_busy")
        chaos.settle()
        return chaos.evaluate(scenario, 1, dead)


def full(chaos: ChaosEnvironment, scenario: str, *, seconds: float = 8) -> Result:
    """Reads succeed, writes fail as on a full disk."""
    dead, supervised = chaos.dead(), chaos.workers["yolo_worker"]
    with reconfigured(chaos):
        wait_ready(chaos)
        with database_server.full_disk(chaos.stack):
            chaos.send()
            chaos.send()
            supervised.await_event("message.failed", TIMEOUT_S, "database_failed")
            wait_alive(chaos, seconds)
        chaos.settle()
        return chaos.evaluate(scenario, len(logged(supervised, "message.failed", "database_failed")), dead)


def _rows_of_a_waiting_video(chaos: ChaosEnvironment) -> tuple[str, str]:
    """First and last row, in locking order, of a video that stage 1 has processed while main_worker is stopped."""
    supervised, stack = chaos.workers["main_worker"], chaos.stack
    supervised.stop_cleanly()
    video = chaos.send()["video_id"]
    wait_until(lambda: not stack.depth(stack.video_queue_url), "stage 1")
    rows = stack.sql("SELECT id FROM image_analyses WHERE video_id = %s ORDER BY snapshot_s3_key", video)
    return rows[0]["id"], rows[-1]["id"]

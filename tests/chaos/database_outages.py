"""PostgreSQL fails while videos are in hand: gone, cut off, locked, full."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from video_analysis.tests.chaos import database_server
from video_analysis.tests.chaos.conditions import awaited, changed, endure, logged
from video_analysis.tests.chaos.database_server import Server
from video_analysis.tests.chaos.environment import PATIENCE_S, Field, Result, Scenario

OUTAGE_S = 60
CUT_EVERY_S = 0.4
DEADLOCK = "40P01"
"""SQLSTATE deadlock_detected."""


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """Each by its name, and how to run it."""
    yield f"PostgreSQL stopped for {OUTAGE_S} s", partial(stopped, mode="immediate", seconds=OUTAGE_S)
    yield "PostgreSQL restarted", partial(stopped, mode="fast", seconds=2)
    yield "PostgreSQL: connections cut", connections_cut
    yield "PostgreSQL: a deadlock", deadlock
    yield "PostgreSQL: a row locked past the time limit", row_locked
    yield "PostgreSQL: disk full", full


def stopped(field: Field, scenario: str, *, mode: str, seconds: float) -> Result:
    """The server is gone while vehicles are written down, and comes back."""
    dead, server = field.dead(), Server.at(field.environment.database_url)
    with changed(field):
        field.send()
        field.send()
        field.workers["yolo_worker"].await_event("snapshot.ready", PATIENCE_S)
        with server.stopped(mode):
            field.faults_done += 1
            endure(field, seconds)
        field.settle()
        return field.account(scenario, 1, dead)


def connections_cut(field: Field, scenario: str, *, cuts: int = 20) -> Result:
    """Connections end under the hands of workers that are at work, again and again."""
    dead, before, last_s = field.dead(), field.faults_done, 0.0

    def cut() -> None:
        nonlocal last_s
        is_due = field.faults_done - before < cuts and time.monotonic() - last_s > CUT_EVERY_S
        if is_due and any(place.in_hand() for place in field.workers.values()):
            field.faults_done += database_server.cut_connections(field.environment)
            last_s = time.monotonic()

    with changed(field):
        for _ in range(3):
            field.send()
        field.settle(cut)
        return field.account(scenario, field.faults_done - before, dead)


def deadlock(field: Field, scenario: str) -> Result:
    """Somebody locks the rows of a batch in the opposite order: PostgreSQL fails the worker's transaction (40P01)."""
    dead, place = field.dead(), field.workers["main_worker"]
    with changed(field):
        first, last = _rows_of_a_waiting_video(field)
        lock = "SELECT FROM image_analyses WHERE id = %s FOR UPDATE"
        with database_server.locked(field.environment, lock, last) as other, other.cursor() as cursor:
            place.start()
            database_server.await_blocked(field.environment, PATIENCE_S)
            cursor.execute(lock, (first,))
        field.settle()
        deadlocks = [line for line in logged(place, "database.transaction_retried") if line["sqlstate"] == DEADLOCK]
        return field.account(scenario, len(deadlocks), dead)


def row_locked(field: Field, scenario: str) -> Result:
    """A row of a batch stays locked for longer than a worker waits (55P03)."""
    dead, place = field.dead(), field.workers["main_worker"]
    with changed(field):
        _, last = _rows_of_a_waiting_video(field)
        lock = "UPDATE image_analyses SET updated_at = updated_at WHERE id = %s"
        with database_server.locked(field.environment, lock, last):
            place.start()
            place.await_event("message.failed", PATIENCE_S, "database_busy")
        field.settle()
        return field.account(scenario, 1, dead)


def full(field: Field, scenario: str, *, seconds: float = 8) -> Result:
    """Reads go on, writes fail as they do on a full disk."""
    dead, place = field.dead(), field.workers["yolo_worker"]
    with changed(field):
        place.await_event("consumer.ready", PATIENCE_S)  # or the probe of the start would find out, and no message fail
        with database_server.full_disk(field.environment):
            field.send()
            field.send()
            place.await_event("message.failed", PATIENCE_S, "database_failed")
            endure(field, seconds)
        field.settle()
        return field.account(scenario, len(logged(place, "message.failed", "database_failed")), dead)


def _rows_of_a_waiting_video(field: Field) -> tuple[str, str]:
    """First and last, in the order of locking, of the rows of a video that main_worker, now stopped, has yet to see."""
    place, stand = field.workers["main_worker"], field.environment
    place.stop_well()
    video = field.send()["video_id"]
    awaited(lambda: not stand.depth(stand.video_queue_url), "stage 1")
    rows = stand.sql("SELECT id FROM image_analyses WHERE video_id = %s ORDER BY snapshot_s3_key", video)
    return rows[0]["id"], rows[-1]["id"]

"""What befalls a process other than a kill: told to stop twice or idle, hung, starved, poisoned, slow, overtaken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos import supervisor
from video_analysis.tests.chaos.conditions import awaited
from video_analysis.tests.chaos.environment import (
    CLIP,
    PATIENCE_S,
    VISIBILITY_S,
    WORKERS,
    Field,
    Result,
    Scenario,
)
from video_analysis.tests.chaos.interruptions import reinforced, sigterm, stopped_well
from video_analysis.tests.chaos.steps import LEASE, Boundary
from video_analysis.tests.chaos.supervisor import Supervised

IN_MIDST = {
    "yolo_worker": Boundary(f"{LEASE}.check", "before", 15),
    "main_worker": Boundary("main_worker.worker:SnapshotWorker._classify", "before"),
}
STALL_S = 5
HUNG_AT_FRAME = 12
SLOW_S = 0.25
"""Added to each look at the lease, of which a video takes some fifty."""
LEASES_OUTLASTED = 2
BLAMES_THE_MESSAGE = {"Permanent", "BadMessage", "BadVideo", "BadSnapshot", "MissingObject"}
MEMORIES_MB = (0, 64)
STARVED_DELAYS_S = "1,1,1,1"


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """Each by its name."""
    for worker in WORKERS:
        yield f"SIGTERM twice {worker}", partial(twice_told, worker=worker)
        yield f"SIGTERM while polling {worker}", partial(told_while_polling, worker=worker)
    yield "a decoder that hangs", hung
    for worker in WORKERS:
        for memory_mb in MEMORIES_MB:
            yield (
                f"out of memory: {memory_mb} MB left to {worker}",
                partial(starved, worker=worker, memory_mb=memory_mb),
            )
    yield "a video that kills its worker every time", poisoned
    yield "a copy of the message comes while the first is worked on", overtaken
    yield "a video longer than the visibility timeout", slow


def twice_told(field: Field, scenario: str, *, worker: str) -> Result:
    """The second signal comes while the first is being acted on, and changes nothing."""
    with field.workers[worker].under({"CHAOS_TIMES": "2"}):
        return sigterm(field, scenario, worker=worker, boundaries=[IN_MIDST[worker]])


def told_while_polling(field: Field, scenario: str, *, worker: str) -> Result:
    """SIGTERM with a poll under way, and a video sent just then: whoever gets it, it is not kept."""
    place, dead = field.workers[worker], field.dead()
    place.restart()
    place.await_event("consumer.ready", PATIENCE_S)
    place.running.terminate()
    field.faults_done += 1
    field.send()
    stopped_well(field, place)
    place.start()
    field.settle()
    return field.account(scenario, 1, dead)


def hung(field: Field, scenario: str) -> Result:
    """The decoder comes back no more: the process ends itself, its message returns, and the next one finishes it."""
    place, dead = field.workers["yolo_worker"], field.dead()
    place.restart(settings={"CHAOS_HANG": str(HUNG_AT_FRAME), "CVITX_STALL_S": str(STALL_S)})
    field.send()
    place.await_event("fault.injected", PATIENCE_S)
    field.faults_done += 1
    code = place.running.wait(STALL_S * 3)
    assert code == 1, f"a worker that hung ended with {code}:\n{place.last_words()}"
    assert place.has_logged("worker.stalled"), place.last_words()
    place.start()
    field.settle()
    return field.account(scenario, 1, dead)


def starved(field: Field, scenario: str, *, worker: str, memory_mb: int) -> Result:
    """With a message in hand the memory is used up: the worker ends or says so, and a fresh one does the work."""
    place, dead = field.workers[worker], field.dead()
    waits = {"CVITX_TRANSIENT_DELAYS_S": STARVED_DELAYS_S, "CVITX_STALL_S": str(STALL_S)}
    place.restart(settings={"CHAOS_MEMORY_MB": str(memory_mb), **waits})
    field.send()
    place.await_event("fault.injected", PATIENCE_S)
    field.faults_done += 1
    _await_outcome(place)
    place.end()
    place.start()
    field.settle()
    return field.account(scenario, 1, dead)


def poisoned(field: Field, scenario: str) -> Result:
    """It ends in the dead-letter queue with a reason in its row; the one behind it in the queue is unharmed."""
    place, dead = field.workers["yolo_worker"], field.dead()
    poison = field.environment.upload(CLIP, field.stride)
    kills = place.kills
    with place.under({"CHAOS_POISON": poison["video_id"]}):
        field.environment.send(poison)
        field.send()
        field.settle()
    deaths = field.faults_done = place.kills - kills
    allowed = field.environment.config.max_receive_count
    assert deaths == allowed - 1, f"{deaths} deaths; the last of {allowed} receives should have done no work"
    (row,) = field.environment.sql("SELECT * FROM videos WHERE id = %s", poison["video_id"])
    assert (row["status"], row["attempt_state"], row["error_code"]) == ("error", "crashed", "crashed"), row
    assert exhumed(field, poison), "the video that kills is not in the dead-letter queue"
    return field.account(scenario, deaths, dead)


def exhumed(field: Field, task: Mapping[str, Any]) -> bool:
    """Take a video's message out of the dead-letter queue, where it belongs there; whether it was there."""
    sqs, url = field.environment.sqs, field.environment.video_dlq_url
    letters = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages", [])
    found = [letter for letter in letters if json.loads(letter["Body"])["video_id"] == task["video_id"]]
    for letter in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    return bool(found)


@contextmanager
def two_slow_ones(field: Field) -> Iterator[list[Supervised]]:
    """Two workers on the video queue, both polling, each slow at its work."""
    place = field.workers["yolo_worker"]
    with place.under({"CHAOS_SLOW_S": str(SLOW_S)}), reinforced(field, 1) as extra:
        both = [place, *(one for one in extra if one.worker == place.worker)]
        for one in both:
            one.await_event("consumer.ready", PATIENCE_S)
        yield both


def overtaken(field: Field, scenario: str) -> Result:
    """Two workers on the same video at the same time."""
    dead = field.dead()
    with two_slow_ones(field) as both:
        task = field.send()
        awaited(lambda: any(one.in_hand() for one in both), "a taker of the first message")
        field.environment.send(task)
        awaited(lambda: all(one.in_hand() for one in both), "work on the copy beside the first")
        field.faults_done += 1
        field.settle()
    return field.account(scenario, 1, dead)


def slow(field: Field, scenario: str) -> Result:
    """Heartbeats keep it: of two workers one takes it, once, for much longer than a lease lasts."""
    dead = field.dead()
    with two_slow_ones(field) as both:
        field.send()
        field.faults_done += 1
        field.settle()
        times_s = [_work_times_s(one) for one in both]
    (took_s,) = [took_s for times in times_s for took_s in times]
    assert took_s > LEASES_OUTLASTED * VISIBILITY_S, f"done in {took_s:.1f} s: no lease had to be extended"
    return field.account(scenario, 1, dead)


def _work_times_s(place: Supervised) -> list[float]:
    """How long each receive was worked on."""
    lines = list(worker_process.lines(place.logs[-1]))
    received = [_instant(line["time"]) for line in lines if line["event"] == "message.received"]
    finished = [_instant(line["time"]) for line in lines if line["event"] == "message.finished"]
    return [(end - begin).total_seconds() for begin, end in zip(received, finished, strict=True)]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _await_outcome(place: Supervised) -> None:
    """The process has ended, or finished a message, or said why it could not; that was not the message's fault."""
    awaited(lambda: place.running.poll() is not None or _settled(place), f"a word of {place.worker}")
    blamed = [line for line in _settled(place) if line.get("failure") in BLAMES_THE_MESSAGE]
    assert not blamed, f"{place.worker}, out of memory, blamed the message: {blamed[0]['message']}"


def _settled(place: Supervised) -> list[dict[str, Any]]:
    return [line for line in worker_process.lines(place.logs[-1]) if line["event"] in supervisor.SETTLED]

"""Process faults other than kills: repeated SIGTERM, hang, low memory, poison message, slow work, concurrent copy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos import supervisor
from video_analysis.tests.chaos.conditions import wait_until
from video_analysis.tests.chaos.environment import (
    CLIP,
    CLIP_FRAMES,
    STRIDE,
    TIMEOUT_S,
    VISIBILITY_S,
    WORKERS,
    ChaosEnvironment,
    Result,
    Scenario,
)
from video_analysis.tests.chaos.interruptions import assert_clean_stop, extra_workers, sigterm
from video_analysis.tests.chaos.steps import CHECK_LEASE, CLASSIFY, Boundary
from video_analysis.tests.chaos.supervisor import SupervisedWorker

MID_WORK = {
    "yolo_worker": Boundary(CHECK_LEASE, "before", 15),
    "main_worker": Boundary(CLASSIFY, "before"),
}
STALL_S = 5
HUNG_AT_FRAME = 12
LEASES_OUTLASTED = 2
SLOW_S = 1.25 * LEASES_OUTLASTED * VISIBILITY_S / (CLIP_FRAMES // STRIDE)
"""Delay of each lease check. There is one per frame, so the delays alone outlast the leases on any machine."""
BLAMES_THE_MESSAGE = {"Permanent", "BadMessage", "BadVideo", "BadSnapshot", "MissingObject"}
MEMORIES_MB = (0, 64)
STARVED_DELAYS_S = "1,1,1,1"


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs."""
    for worker in WORKERS:
        yield f"SIGTERM twice {worker}", partial(sigterm_twice, worker=worker)
        yield f"SIGTERM while polling {worker}", partial(sigterm_while_polling, worker=worker)
    yield "a decoder that hangs", hung
    for worker in WORKERS:
        for memory_mb in MEMORIES_MB:
            yield (
                f"out of memory: {memory_mb} MB left to {worker}",
                partial(starved, worker=worker, memory_mb=memory_mb),
            )
    yield "a video that kills its worker every time", poisoned
    yield "a copy of the message comes while the first is worked on", concurrent_copy
    yield "a video longer than the visibility timeout", slow


def sigterm_twice(chaos: ChaosEnvironment, scenario: str, *, worker: str) -> Result:
    """A second signal during the shutdown changes nothing."""
    with chaos.workers[worker].with_settings({"CHAOS_TIMES": "2"}):
        return sigterm(chaos, scenario, worker=worker, boundaries=[MID_WORK[worker]])


def sigterm_while_polling(chaos: ChaosEnvironment, scenario: str, *, worker: str) -> Result:
    """SIGTERM during a poll, and a video sent at the same time: its message is released or stays visible."""
    supervised, dead = chaos.workers[worker], chaos.dead()
    supervised.restart()
    supervised.await_event("consumer.ready", TIMEOUT_S)
    supervised.running.terminate()
    chaos.faults_done += 1
    chaos.send()
    assert_clean_stop(chaos, supervised)
    supervised.start()
    chaos.settle()
    return chaos.evaluate(scenario, 1, dead)


def hung(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The decoder hangs: the process ends itself, its message is received again, and the next process finishes it."""
    supervised, dead = chaos.workers["yolo_worker"], chaos.dead()
    supervised.restart(settings={"CHAOS_HANG": str(HUNG_AT_FRAME), "CVITX_STALL_S": str(STALL_S)})
    chaos.send()
    supervised.await_event("fault.injected", TIMEOUT_S)
    chaos.faults_done += 1
    code = supervised.running.wait(STALL_S * 3)
    assert code == 1, f"a hanging worker ended with {code}:\n{supervised.log_tail()}"
    assert supervised.has_logged("worker.stalled"), supervised.log_tail()
    supervised.start()
    chaos.settle()
    return chaos.evaluate(scenario, 1, dead)


def starved(chaos: ChaosEnvironment, scenario: str, *, worker: str, memory_mb: int) -> Result:
    """No memory is left after a receive: the worker ends or logs it, and a new process does the work."""
    supervised, dead = chaos.workers[worker], chaos.dead()
    waits = {"CVITX_TRANSIENT_DELAYS_S": STARVED_DELAYS_S, "CVITX_STALL_S": str(STALL_S)}
    supervised.restart(settings={"CHAOS_MEMORY_MB": str(memory_mb), **waits})
    chaos.send()
    supervised.await_event("fault.injected", TIMEOUT_S)
    chaos.faults_done += 1
    _await_outcome(supervised)
    supervised.end()
    supervised.start()
    chaos.settle()
    return chaos.evaluate(scenario, 1, dead)


def poisoned(chaos: ChaosEnvironment, scenario: str) -> Result:
    """A poison message is dead-lettered with an error code in its row; the next message is processed."""
    supervised, dead = chaos.workers["yolo_worker"], chaos.dead()
    poison = chaos.stack.upload(CLIP, chaos.stride)
    kills = supervised.kills
    with supervised.with_settings({"CHAOS_POISON": poison["video_id"]}):
        chaos.stack.send(poison)
        chaos.send()
        chaos.settle()
    deaths = chaos.faults_done = supervised.kills - kills
    allowed = chaos.stack.config.max_receive_count
    assert deaths == allowed - 1, f"{deaths} kills; the last of {allowed} receives must not start the work"
    (row,) = chaos.stack.sql("SELECT * FROM videos WHERE id = %s", poison["video_id"])
    assert (row["status"], row["attempt_state"], row["error_code"]) == ("error", "crashed", "crashed"), row
    assert remove_dead_letter(chaos, poison), "the poison message is not in the dead-letter queue"
    return chaos.evaluate(scenario, deaths, dead)


def remove_dead_letter(chaos: ChaosEnvironment, task: Mapping[str, Any]) -> bool:
    """Delete a video's message from the dead-letter queue; returns whether it was there."""
    sqs, url = chaos.stack.sqs, chaos.stack.video_dlq_url
    letters = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages", [])
    found = [letter for letter in letters if json.loads(letter["Body"])["video_id"] == task["video_id"]]
    for letter in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    return bool(found)


@contextmanager
def two_slow_workers(chaos: ChaosEnvironment) -> Iterator[list[SupervisedWorker]]:
    """Two slow workers on the video queue, both polling."""
    supervised = chaos.workers["yolo_worker"]
    with supervised.with_settings({"CHAOS_SLOW_S": str(SLOW_S)}), extra_workers(chaos, 1) as extra:
        both = [supervised, *(one for one in extra if one.worker == supervised.worker)]
        for one in both:
            one.await_event("consumer.ready", TIMEOUT_S)
        yield both


def concurrent_copy(chaos: ChaosEnvironment, scenario: str) -> Result:
    """Two workers process the same video at the same time."""
    dead = chaos.dead()
    with two_slow_workers(chaos) as both:
        task = chaos.send()
        wait_until(lambda: any(one.in_flight() for one in both), "the receive of the first message")
        chaos.stack.send(task)
        wait_until(lambda: all(one.in_flight() for one in both), "the receive of the copy")
        chaos.faults_done += 1
        chaos.settle()
    return chaos.evaluate(scenario, 1, dead)


def slow(chaos: ChaosEnvironment, scenario: str) -> Result:
    """Heartbeats keep the message: one of two workers receives it, once, for longer than two visibility timeouts."""
    dead = chaos.dead()
    with two_slow_workers(chaos) as both:
        chaos.send()
        chaos.faults_done += 1
        chaos.settle()
        times_s = [_work_times_s(one) for one in both]
    (took_s,) = [took_s for times in times_s for took_s in times]
    assert took_s > LEASES_OUTLASTED * VISIBILITY_S, f"done in {took_s:.1f} s: no lease had to be extended"
    return chaos.evaluate(scenario, 1, dead)


def _work_times_s(supervised: SupervisedWorker) -> list[float]:
    """Processing time of each receive, in seconds."""
    lines = list(worker_process.lines(supervised.logs[-1]))
    received = [_instant(line["time"]) for line in lines if line["event"] == "message.received"]
    finished = [_instant(line["time"]) for line in lines if line["event"] == "message.finished"]
    return [(end - begin).total_seconds() for begin, end in zip(received, finished, strict=True)]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _await_outcome(supervised: SupervisedWorker) -> None:
    """Wait until the process ends or settles a message. AssertionError if it blames the message."""
    wait_until(lambda: supervised.running.poll() is not None or _settled(supervised), f"an end of {supervised.worker}")
    blamed = [line for line in _settled(supervised) if line.get("failure") in BLAMES_THE_MESSAGE]
    assert not blamed, f"{supervised.worker}, out of memory, blamed the message: {blamed[0]['message']}"


def _settled(supervised: SupervisedWorker) -> list[dict[str, Any]]:
    return [line for line in worker_process.lines(supervised.logs[-1]) if line["event"] in supervisor.SETTLED]

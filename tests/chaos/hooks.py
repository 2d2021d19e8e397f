"""What the launcher does to a worker from inside, by the CHAOS_ names in its environment.

CHAOS_AT, CHAOS_SIGNAL, CHAOS_TIMES: a boundary, the signal that the process sends itself there (a number), how often.
CHAOS_POISON: the id of a video that kills the process whenever it is fetched.
CHAOS_HANG: the frame of a video (from 1) behind which the decoder hangs.
CHAOS_SLOW_S: every look at the lease takes so long.
CHAOS_MEMORY_MB: what the process may still allocate once a message is in hand.
Each says `struck` in the log where it happens for the first time.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from video_analysis.tests.chaos import steps
from video_analysis.tests.chaos.steps import LEASE, QUEUE, STORAGE, Boundary

FRAMES = "yolo_worker.source.video_file:VideoFile.frames"
MB = 1 << 20


def install(environ: Mapping[str, str]) -> None:
    """Every hook that is asked for."""
    if boundary := environ.get("CHAOS_AT"):
        number = signal.Signals(int(environ["CHAOS_SIGNAL"]))
        steps.arm(Boundary.parse(boundary), partial(send, number, int(environ.get("CHAOS_TIMES", "1"))))
    if video_id := environ.get("CHAOS_POISON"):
        _before(f"{STORAGE}._download", lambda _store, key, *_: send(signal.SIGKILL) if video_id in key else None)
    if frame := environ.get("CHAOS_HANG"):
        _around(FRAMES, partial(_hanging, int(frame)))
    if slow_s := environ.get("CHAOS_SLOW_S"):
        _before(f"{LEASE}.check", lambda *_: time.sleep(float(slow_s)))
    if memory_mb := environ.get("CHAOS_MEMORY_MB"):
        steps.arm(Boundary(f"{QUEUE}.receive", "after"), partial(_starve, float(memory_mb)))


def send(number: signal.Signals, times: int = 1) -> None:
    """Say so, then send this process a signal so many times."""
    _say(number.name)
    for _ in range(times):
        os.kill(os.getpid(), number)


def _hanging(last: int, frames: Iterator[object]) -> Iterator[object]:
    for count, frame in enumerate(frames, 1):
        yield frame
        if count == last:
            _say("hang")
            threading.Event().wait()


def _starve(memory_mb: float) -> None:
    """No more address space than there is now, and a little."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    limit = pages * resource.getpagesize() + int(memory_mb * MB)
    _say(f"memory limit {limit // MB} MB")
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _say(deed: str) -> None:
    os.write(2, b'{"event": "fault.injected", "level": "INFO", "message": "%s"}\n' % deed.encode())


def _before(step: str, deed: Callable[..., object]) -> None:
    owner, method = steps.target(step)
    inner = getattr(owner, method)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        deed(*args)
        return inner(*args, **kwargs)

    setattr(owner, method, wrapper)


def _around(step: str, change: Callable[[Any], Any]) -> None:
    owner, method = steps.target(step)
    inner = getattr(owner, method)
    setattr(owner, method, lambda *args, **kwargs: change(inner(*args, **kwargs)))

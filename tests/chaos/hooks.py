"""Faults inside a worker process, selected by CHAOS_ variables in its environment.

CHAOS_AT, CHAOS_SIGNAL, CHAOS_TIMES: the process sends itself this signal (its number) at this boundary, so many times.
CHAOS_POISON: id of a video; the process is killed whenever it downloads this video.
CHAOS_HANG: number of a frame (from 1) after which the decoder hangs.
CHAOS_SLOW_S: delay of every lease check, in seconds.
CHAOS_CHECKPOINT_S: time that a checkpoint part covers. CHAOS_PROGRESS_S: time between two writes of the progress.
CHAOS_MEMORY_MB: how much more memory the process may allocate once it has received a message.
Each fault is logged with the event `fault.injected`.
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
from video_analysis.tests.chaos.steps import Boundary
from video_analysis.yolo_worker.runs import checkpoint_writer, progress
from video_analysis.yolo_worker.source.video_file import VideoFile

FRAMES = steps.step(VideoFile.frames)
MB = 1 << 20


def install(environ: Mapping[str, str]) -> None:
    """Install the hooks that `environ` selects."""
    if boundary := environ.get("CHAOS_AT"):
        number = signal.Signals(int(environ["CHAOS_SIGNAL"]))
        steps.arm(Boundary.parse(boundary), partial(send, number, int(environ.get("CHAOS_TIMES", "1"))))
    if video_id := environ.get("CHAOS_POISON"):
        _before(steps.DOWNLOAD, lambda _store, key, *_: send(signal.SIGKILL) if video_id in key else None)
    if frame := environ.get("CHAOS_HANG"):
        _around(FRAMES, partial(_hanging, int(frame)))
    if slow_s := environ.get("CHAOS_SLOW_S"):
        _before(steps.CHECK_LEASE, lambda *_: time.sleep(float(slow_s)))
    if every_s := environ.get("CHAOS_CHECKPOINT_S"):
        checkpoint_writer.EVERY_S = float(every_s)
    if every_s := environ.get("CHAOS_PROGRESS_S"):
        progress.EVERY_S = float(every_s)
    if memory_mb := environ.get("CHAOS_MEMORY_MB"):
        steps.arm(Boundary(steps.RECEIVE, "after"), partial(_starve, float(memory_mb)))


def send(number: signal.Signals, times: int = 1) -> None:
    """Log the fault, then send this process the signal `times` times."""
    _log(number.name)
    for _ in range(times):
        os.kill(os.getpid(), number)


def _hanging(last: int, frames: Iterator[object]) -> Iterator[object]:
    for count, frame in enumerate(frames, 1):
        yield frame
        if count == last:
            _log("hang")
            threading.Event().wait()


def _starve(memory_mb: float) -> None:
    """Limit the address space to its present size plus `memory_mb`."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    limit = pages * resource.getpagesize() + int(memory_mb * MB)
    _log(f"memory limit {limit // MB} MB")
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _log(fault: str) -> None:
    os.write(2, b'{"event": "fault.injected", "level": "INFO", "message": "%s"}\n' % fault.encode())


def _before(step: str, action: Callable[..., object]) -> None:
    owner, method = steps.target(step)
    inner = getattr(owner, method)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        action(*args)
        return inner(*args, **kwargs)

    setattr(owner, method, wrapper)


def _around(step: str, change: Callable[[Any], Any]) -> None:
    owner, method = steps.target(step)
    inner = getattr(owner, method)
    setattr(owner, method, lambda *args, **kwargs: change(inner(*args, **kwargs)))

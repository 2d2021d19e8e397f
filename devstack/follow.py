"""Wait for the workers and print their progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess

POLL_S = 0.5
STUCK_S = 300
REPORT_EVERY_S = 4.0


class ProgressPrinter:
    """Prints a line when it changes, and again every few seconds with its age, so that a long step is no hang."""

    def __init__(self) -> None:
        self._line, self._since_s, self._printed_s = "", 0.0, 0.0

    def update(self, line: str) -> None:
        """Print `line` if it is new or was last printed `REPORT_EVERY_S` ago; an empty line is never printed."""
        now_s = time.monotonic()
        if line != self._line:
            self._line, self._since_s, self._printed_s = line, now_s, now_s
            if line:
                print(line, flush=True)
        elif line and now_s - self._printed_s >= REPORT_EVERY_S:
            self._printed_s = now_s
            print(f"{line} ({now_s - self._since_s:.0f} s)", flush=True)


def until_settled(environment: Stack, workers: Sequence[WorkerProcess], progress: Callable[[], str]) -> list[str]:
    """Print progress and failures until both queues are empty.

    Returns the faults as text: a worker ended, messages were dead-lettered, or nothing changed for `STUCK_S`.
    """
    last: tuple[str, list[int], int] = ("", [], 0)
    moved_s, printed, printer = time.monotonic(), 0, ProgressPrinter()
    while time.monotonic() - moved_s < STUCK_S:
        for worker in workers:
            if worker.process.poll() is not None:
                return [
                    f"{worker.name} ended with {worker.process.returncode}; the end of its log:\n{worker.log_tail()}"
                ]
        depths = [environment.depth(url) for url in (environment.video_queue_url, environment.snapshot_queue_url)]
        line = progress()
        printer.update(line)
        steps = sum(len(worker.events("video.progress")) for worker in workers)
        if (line, depths, steps) != last:
            last, moved_s = (line, depths, steps), time.monotonic()
        failures = [failure for worker in workers for failure in worker.failures()]
        for failure in failures[printed:]:
            print(f"  {failure}", flush=True)
        printed = max(printed, len(failures))
        if not any(depths):
            dead = [environment.depth(url) for url in (environment.video_dlq_url, environment.snapshot_dlq_url)]
            return [f"dead-lettered: {dead[0]} video and {dead[1]} snapshot messages"] if any(dead) else []
        time.sleep(POLL_S)
    tails = "\n".join(f"{worker.name}: {worker.log_tail(3)}" for worker in workers)
    return [f"no progress for {STUCK_S} s; the ends of the logs:\n{tails}"]


def of_video(environment: Stack, workers: Sequence[WorkerProcess], video_id: str) -> str:
    """One line with a video's progress; before its first vehicle, the start-up status of workers that do not poll."""
    status = environment.sql("SELECT status FROM videos WHERE id = %s", video_id)[0]["status"]
    counts = environment.sql(
        "SELECT count(*) AS found, count(*) FILTER (WHERE status = 'done') AS done"
        " FROM image_analyses WHERE video_id = %s",
        video_id,
    )[0]
    seen = [line for worker in workers for line in worker.events("video.progress")]
    at = f", at {seen[-1]['offset_ms'] / 1000:.1f} s of the clip" if seen and status == "processing" else ""
    starts = [start for worker in workers if (start := worker.startup_status())]
    if starts and not counts["found"]:
        return f"  {'; '.join(starts)}"
    return f"  video {status}{at}; vehicles: {counts['found']} found, {counts['done']} classified"

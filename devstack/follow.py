"""Follow the workers until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import Poller

POLL_S = 0.5
STUCK_S = 300
TELL_EVERY_S = 4.0


class Teller:
    """Prints a line when it changes and, lest a long step look like a hang, again every few seconds with its age."""

    def __init__(self) -> None:
        self._line, self._since_s, self._told_s = "", 0.0, 0.0

    def tell(self, line: str) -> None:
        """Say `line` if it is new or its last telling is `TELL_EVERY_S` ago; an empty one is never said."""
        now_s = time.monotonic()
        if line != self._line:
            self._line, self._since_s, self._told_s = line, now_s, now_s
            if line:
                print(line, flush=True)
        elif line and now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            print(f"{line} ({now_s - self._since_s:.0f} s)", flush=True)


def until_settled(environment: Stack, workers: Sequence[Poller], progress: Callable[[], str]) -> list[str]:
    """Print progress and what fails until both queues are empty.

    What went wrong, in words: a worker died, a message was dead-lettered, or nothing moved for `STUCK_S`.
    """
    last: tuple[str, list[int]] = ("", [])
    moved_s, said, teller = time.monotonic(), 0, Teller()
    while time.monotonic() - moved_s < STUCK_S:
        for worker in workers:
            if worker.process.poll() is not None:
                return [f"{worker.name} ended with {worker.process.returncode}; its last words:\n{worker.last_words()}"]
        depths = [environment.depth(url) for url in (environment.video_queue_url, environment.snapshot_queue_url)]
        line = progress()
        teller.tell(line)
        if (line, depths) != last:
            last, moved_s = (line, depths), time.monotonic()
        failures = [failure for worker in workers for failure in worker.failures()]
        for failure in failures[said:]:
            print(f"  {failure}", flush=True)
        said = max(said, len(failures))
        if not any(depths):
            dead = [environment.depth(url) for url in (environment.video_dlq_url, environment.snapshot_dlq_url)]
            return [f"dead-lettered: {dead[0]} video and {dead[1]} snapshot messages"] if any(dead) else []
        time.sleep(POLL_S)
    words = "\n".join(f"{worker.name}: {worker.last_words(3)}" for worker in workers)
    return [f"nothing has moved for {STUCK_S} s; last words:\n{words}"]


def of_video(environment: Stack, workers: Sequence[Poller], video_id: str) -> str:
    """One line that says how far a video has come; before its first vehicle, what workers that are not up yet do."""
    status = environment.sql("SELECT status FROM videos WHERE id = %s", video_id)[0]["status"]
    counts = environment.sql(
        "SELECT count(*) AS found, count(*) FILTER (WHERE status = 'done') AS done"
        " FROM image_analyses WHERE video_id = %s",
        video_id,
    )[0]
    seen = [line for worker in workers for line in worker.events("video.progress")]
    at = f", at {seen[-1]['offset_ms'] / 1000:.1f} s of the clip" if seen and status == "processing" else ""
    starts = [start for worker in workers if (start := worker.start_under_way())]
    if starts and not counts["found"]:
        return f"  {'; '.join(starts)}"
    return f"  video {status}{at}; vehicles: {counts['found']} found, {counts['done']} classified"

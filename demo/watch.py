"""Follow the workers until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from video_analysis.demo.pollers import Poller
from video_analysis.demo.stack import Stack

POLL_S = 0.5


def until_settled(environment: Stack, workers: Sequence[Poller], progress: Callable[[], str]) -> list[str]:
    """Print progress until both queues are empty; says so if a worker dies or a message is dead-lettered."""
    last = ""
    while True:
        for worker in workers:
            if worker.process.poll() is not None:
                return [f"{worker.name} ended with {worker.process.returncode}; its last words:\n{worker.last_words()}"]
        depths = [environment.depth(url) for url in (environment.video_queue_url, environment.snapshot_queue_url)]
        line = progress()
        if line and line != last:
            print(line, flush=True)
            last = line
        if not any(depths):
            dead = [environment.depth(url) for url in (environment.video_dlq_url, environment.snapshot_dlq_url)]
            return [f"dead-lettered: {dead[0]} video and {dead[1]} snapshot messages"] if any(dead) else []
        time.sleep(POLL_S)


def of_video(environment: Stack, yolo: Poller, video_id: str) -> str:
    """One line that says how far a video has come."""
    status = environment.sql("SELECT status FROM videos WHERE id = %s", video_id)[0]["status"]
    counts = environment.sql(
        "SELECT count(*) AS found, count(*) FILTER (WHERE status = 'done') AS done"
        " FROM image_analyses WHERE video_id = %s",
        video_id,
    )[0]
    seen = yolo.events("video progress")
    at = f", at {seen[-1]['offset_ms'] / 1000:.1f} s of the clip" if seen and status == "processing" else ""
    return f"  video {status}{at}; vehicles: {counts['found']} found, {counts['done']} classified"

"""The progress of a video as one line of text, as a JSON object, and whether it has ended. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from video_analysis.ops.video_progress import RunProgress, VideoProgress
from video_analysis.worker_config import WorkerConfig

End = Literal["done", "error", "paused", "cancelled"]
CRASH_KNOWN_AFTER_S = WorkerConfig().visibility_timeout_s
"""During its last attempt a run is `failed` in advance, with the code `crashed`. Older than this, no worker has it."""
UNKNOWN = "the database has no row of this video yet"
QUEUES = "`ops queues` shows whether messages wait"
_ENDS: dict[str, End] = {"failed": "error", "error": "error", "paused": "paused", "cancelled": "cancelled"}


def end_of(video: VideoProgress) -> End | None:
    """How the video ended; None while a worker or a queue still has work for it. A failed snapshot is an error."""
    run = video.run
    if run is None:
        status: str | None = video.video_status
    else:
        status = None if _may_still_run(run) else run.status
    if status in _ENDS:
        return _ENDS[status]
    if status not in ("completed", "done") or video.classified + video.failed < video.snapshots:
        return None
    return "error" if video.failed else "done"


def describe(video: VideoProgress) -> str:
    """One line: state, frames, speed, remaining time, vehicles."""
    if not video.is_known:
        return UNKNOWN
    parts = [*_run_parts(video), _snapshots(video)]
    if video.error_code or video.error_msg:
        parts.append(": ".join(part for part in (video.error_code, video.error_msg) if part))
    return ", ".join(parts)


def document(video: VideoProgress, end: End | None, *, is_unseen: bool) -> dict[str, Any]:
    """The progress as a JSON object, which changes only if a row changes. `end` is null until the video has ended.

    `waiting`: no worker has begun the message that was sent.
    """
    fields = asdict(video)
    if fields["run"] is not None:
        del fields["run"]["age_s"]
    return fields | {"waiting": is_unseen, "end": end}


def unfinished(video: VideoProgress, *, is_unseen: bool) -> str:
    """What a video that has not ended waits for, for the end of a time limit."""
    if is_unseen:
        return f"no row shows that a worker has begun the message: {QUEUES}"
    if not video.is_known:
        return (
            f"{UNKNOWN}: no worker has received it, or it was sent as PROCESS_VIDEO_DB and waits for its row in videos;"
            f" check the id; {QUEUES}"
        )
    status = video.video_status if video.run is None else video.run.status
    if status in ("completed", "done"):
        open_count = video.snapshots - video.classified - video.failed
        return f"{open_count} of {video.snapshots} snapshots wait for main_worker"
    is_begun = status not in ("pending", "uploaded", "queued", None)
    return "the video is still being processed" if is_begun else f"no worker has begun the video: {QUEUES}"


def duration(seconds: float) -> str:
    """h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _may_still_run(run: RunProgress) -> bool:
    return run.status in ("pending", "running") or (run.error_code == "crashed" and run.age_s < CRASH_KNOWN_AFTER_S)


def _run_parts(video: VideoProgress) -> list[str]:
    run = video.run
    if run is None:
        return [f"video {video.video_status or 'without a row in videos'}"]
    stage = f" ({run.current_stage})" if run.current_stage and run.status == "running" else ""
    parts = [f"{run.status}{stage}"]
    if run.frames_done is not None:
        parts.append(f"{run.frames_done}{f' of {run.frames_total}' if run.frames_total else ''} frames")
    if run.status == "running":
        parts += [f"{run.fps:.1f} frames/s"] if run.fps else []
        parts += [f"{duration(run.eta_s)} left"] if run.eta_s is not None else []
    return parts


def _snapshots(video: VideoProgress) -> str:
    found = max(video.snapshots, (video.run.vehicles or 0) if video.run else 0)
    failed = f", {video.failed} failed" if video.failed else ""
    return f"{found} {'vehicle' if found == 1 else 'vehicles'}, {video.classified} classified{failed}"

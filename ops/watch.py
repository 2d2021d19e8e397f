"""Show the progress of a video until it and its snapshots have ended: python -m video_analysis.ops watch --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from time import monotonic, sleep

from video_analysis import worker_config
from video_analysis.ops import arguments, exit_status, live_output, progress_text
from video_analysis.ops.live_output import Shown
from video_analysis.ops.progress_text import End
from video_analysis.ops.sent_message import SentMessage
from video_analysis.ops.video_progress import VideoProgress, VideoProgressReader
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Shows the newest run of a video: its stage, frames, speed, remaining time, vehicles found and classified. Ends when the
video and all its snapshots are done or have failed, or when the run is paused or cancelled. Needs SELECT on video_runs,
videos, image_analyses and the view analysis_progress, by your own credentials.

Without a terminal it prints one line per change, at most one in ten seconds while only numbers change. --json prints
one object per change of the rows. Exit status: 0 done; 1 the video or a snapshot failed, the run is paused or
cancelled, or --timeout has passed."""
EXAMPLES = (
    "50651c85-90ab-471b-8707-adc0ef16f91f",
    "50651c85-90ab-471b-8707-adc0ef16f91f --json --timeout 3600",
)
POLL_S = 1.0
REMEDIES = {
    "paused": "continue it with `runs resume RUN`",
    "cancelled": "send the video again to process it",
    "error": "docs/error-codes.md has the remedy for each code",
}


def main(given: Sequence[str] | None = None) -> int:
    """0 when all is done, 1 on a failure, 2 on an error of the command, 130 if interrupted."""
    options = _options(given)
    return exit_status.run("watch", lambda: _watch(options), "the video is not affected; watch it again")


def until_end(
    config: WorkerConfig,
    video_id: str,
    *,
    as_json: bool,
    timeout_s: float | None = None,
    sent: SentMessage | None = None,
) -> int:
    """Show the video until it has ended; the exit status.

    With `sent`, an end from before the message does not count: the video is shown until a worker has begun the message.
    """
    reader = VideoProgressReader(Database(config.database_url, "cvitx-watch"))
    is_over = _time_limit(timeout_s)
    with live_output.opened(as_json=as_json) as output:
        while True:
            video = reader.read(video_id)
            is_unseen = sent is not None and sent.is_unseen(video)
            end = None if is_unseen else progress_text.end_of(video)
            output.show(_shown(video, end, is_unseen=is_unseen))
            if end is not None:
                text, status = _ended(video, end)
                break
            if sent is not None and is_unseen and sent.has_left_queue():
                text, status = _left(video, sent)
                break
            if is_over():
                waits = progress_text.unfinished(video, is_unseen=is_unseen)
                text, status = f"not ended after {timeout_s:g} s; {waits}", exit_status.FAULT
                break
            sleep(POLL_S)
    if text:
        sys.stderr.write(f"watch: {text}\n")
    return status


def _time_limit(timeout_s: float | None) -> Callable[[], bool]:
    """A function that tells whether the time has passed."""
    deadline = None if timeout_s is None else monotonic() + timeout_s
    return lambda: deadline is not None and monotonic() > deadline


def _ended(video: VideoProgress, end: End) -> tuple[str, int]:
    """The text for stderr, and the exit status."""
    if end == "done":
        return "", exit_status.OK
    remedy = REMEDIES[end].replace("RUN", video.run.id if video.run else "RUN")
    return f"ended with {end}: {remedy}", exit_status.FAULT


def _left(video: VideoProgress, sent: SentMessage) -> tuple[str, int]:
    """As `_ended`, of a message that has left the queue while no row of the video changed."""
    if progress_text.end_of(video) == "done" and not sent.is_dead_letter():
        return (
            "the message has left the queue; the settings are the same, and the results stay as they are",
            exit_status.OK,
        )
    return (
        "the message has left the queue, but no attempt has begun: `ops dlq list` may name the cause",
        exit_status.FAULT,
    )


def _watch(options: argparse.Namespace) -> int:
    config = worker_config.load(os.environ)
    return until_end(config, options.video, as_json=options.json, timeout_s=options.timeout)


def _shown(video: VideoProgress, end: End | None, *, is_unseen: bool) -> Shown:
    run = video.run
    bars = {"frames": (run.progress or 0.0) if run else 0.0}
    bars["classified"] = (video.classified + video.failed) / video.snapshots if video.snapshots else 0.0
    text = progress_text.describe(video)
    if is_unseen:
        text = f"sent; no row shows that a worker has begun it; before: {text}" if video.is_known else f"sent; {text}"
    state = (is_unseen, run and (run.id, run.status, run.current_stage), video.video_status, end)
    return Shown(text, progress_text.document(video, end, is_unseen=is_unseen), bars, str(state))


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("watch", ABOUT, *EXAMPLES)
    parser.add_argument("video", type=arguments.uuid, metavar="VIDEO", help="the video's id")
    parser.add_argument("--timeout", type=arguments.seconds, metavar="SECONDS", help="end after this time, status 1")
    parser.add_argument("--json", action="store_true", help="one JSON object per change")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

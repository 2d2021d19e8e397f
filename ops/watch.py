"""Show the progress of a video until it and its snapshots have ended: python -m video_analysis.ops watch --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from time import monotonic, sleep

from video_analysis import worker_config
from video_analysis.ops import arguments, exit_status, live_output, progress_text
from video_analysis.ops.live_output import Shown
from video_analysis.ops.video_progress import VideoProgress, VideoProgressReader
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Shows the newest run of a video: its stage, frames, speed, remaining time, vehicles found and classified. Ends when the
video and all its snapshots are done or have failed, or when the run is paused or cancelled. Needs SELECT on video_runs,
videos, image_analyses and the view analysis_progress, by your own credentials.

Without a terminal it prints one line per change, at most one in ten seconds while only numbers change. Exit status: 0
done; 1 the video or a snapshot failed, the run is paused or cancelled, or --timeout has passed."""
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
    return exit_status.run("watch", lambda: _watch(options), "the video is still being processed; watch it again")


def until_end(
    config: WorkerConfig, video_id: str, *, as_json: bool, timeout_s: float | None = None, ended: str | None = None
) -> int:
    """Show the video until it has ended; the exit status.

    `ended` is the run that had failed or was cancelled before a message was sent: a worker will begin another one.
    """
    reader = VideoProgressReader(Database(config.database_url, "cvitx-watch"))
    deadline = None if timeout_s is None else monotonic() + timeout_s
    with live_output.opened(as_json=as_json) as output:
        while True:
            video = reader.read(video_id)
            is_old = ended is not None and video.run is not None and video.run.id == ended
            end = None if is_old else progress_text.end_of(video)
            output.show(_shown(video, waiting=is_old))
            if end is not None:
                break
            if deadline is not None and monotonic() > deadline:
                sys.stderr.write(f"watch: not ended after {timeout_s:g} s; the video is still being processed\n")
                return exit_status.FAULT
            sleep(POLL_S)
    if end == "done":
        return exit_status.OK
    run = video.run.id if video.run else "RUN"
    sys.stderr.write(f"watch: ended with {end}: {REMEDIES[end].replace('RUN', run)}\n")
    return exit_status.FAULT


def _watch(options: argparse.Namespace) -> int:
    config = worker_config.load(os.environ)
    return until_end(config, options.video, as_json=options.json, timeout_s=options.timeout)


def _shown(video: VideoProgress, *, waiting: bool) -> Shown:
    run = video.run
    bars = {"frames": (run.progress or 0.0) if run else 0.0}
    bars["classified"] = (video.classified + video.failed) / video.snapshots if video.snapshots else 0.0
    text = "sent; no worker has received it yet" if waiting else progress_text.describe(video)
    state = (waiting, run and (run.id, run.status, run.stage), video.video_status, progress_text.end_of(video))
    return Shown(text, progress_text.document(video), bars, str(state))


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("watch", ABOUT, *EXAMPLES)
    parser.add_argument("video", type=arguments.uuid, metavar="VIDEO", help="the video's id")
    parser.add_argument("--timeout", type=arguments.seconds, metavar="SECONDS", help="end after this time, status 1")
    parser.add_argument("--json", action="store_true", help="one JSON object per change")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

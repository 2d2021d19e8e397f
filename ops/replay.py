"""Process a video again with other settings: python -m video_analysis.ops replay --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, reclassify, run_text, runs, stored_parts
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.run_row import RunRow
from video_analysis.ops.run_rows import RunRows
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import CheckpointPart, Overrides, ReplayStage
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.yolo_worker.runs import checkpoints, overrides

ABOUT = f"""\
Starts a replay of a video: a new run whose parent is the video's newest completed run. Its snapshots get rows of their
own, and the view current_image_analyses shows them once the replay is completed. The row in `videos` is not changed.

--from names the first stage that runs again. The settings that can be set are {", ".join(sorted(overrides.ALLOWED))};
a setting of an earlier stage is refused: these stages do not run again, and have the settings of the parent. Settings
that the parent overrides are kept. --from classify is no run: it sends the
current snapshots to main_worker again, as `reclassify` does for all snapshots of a video.

Needs the database and sqs:SendMessage on the video queue, by your own credentials; --dry-run s3:GetObject on runs/*."""
CLASSIFY = "classify"
EXAMPLE = "50651c85-90ab-471b-8707-adc0ef16f91f --from detect --set track.max_age_s=3 --dry-run"


def main(given: Sequence[str] | None = None) -> int:
    """0 when the replay is started, 2 on an error."""
    options = _options(given)
    return exit_status.run("replay", lambda: _replay(options))


def _replay(options: argparse.Namespace) -> None:
    if options.stage == CLASSIFY:
        if options.set or options.run:
            raise CommandError(f"--from {CLASSIFY} has no --set and no --run: it sends the current snapshots again")
        reclassify.resend_current(options.video, dry_run=options.dry_run)
        return
    config = worker_config.load(os.environ)
    rows = RunRows(Database(config.database_url, "cvitx-replay"))
    parent = _parent(rows, options)
    changed = overrides.checked(dict(options.set), options.stage)
    merged = {**(parent.config_overrides or {}), **changed}
    if options.dry_run:
        parts = stored_parts.of_run(rows.database, parent.id)
        camera = _camera_settings(rows.camera_overrides(parent.video_id), options.stage, merged)
        sys.stdout.write(_plan(parent, options.stage, merged, camera, _reused(config, parent, options.stage, parts)))
        return
    run = rows.insert_replay(parent, options.stage, merged)
    runs.send(config, run)
    sys.stdout.write(run_text.state(run))


def _parent(rows: RunRows, options: argparse.Namespace) -> RunRow:
    parent = rows.newest_completed(options.video) if options.run is None else rows.one(options.run)
    if parent is None:
        raise CommandError(f"video {options.video} has no completed run: {_first_step(rows, options.video)}")
    if parent.video_id != options.video or parent.status != "completed":
        raise CommandError(f"run {parent.id} is no completed run of video {options.video}")
    return parent


def _first_step(rows: RunRows, video_id: str) -> str:
    """What completes a video that has no completed run."""
    newest = rows.listed(video_id=video_id, workspace_id=None, status=None, limit=1)
    if not newest or newest[0].status in ("failed", "cancelled"):
        return "send PROCESS_VIDEO first"
    (run,) = newest
    return f"its run {run.id} is {run.status}, " + ("resume it first" if run.status == "paused" else "wait for its end")


def _camera_settings(stored: object, stage: ReplayStage, merged: Overrides) -> Overrides:
    """The settings of the camera that the replay has: of the stages that run again, and not overridden."""
    camera, _ = overrides.usable(stored)  # as the worker
    taken = {overrides.STRIDE, *merged}
    return {name: camera[name] for name in camera if name not in taken and not overrides.is_before(name, stage)}


def _reused(config: WorkerConfig, parent: RunRow, stage: ReplayStage, parts: Sequence[CheckpointPart]) -> str:
    """What the stages that do not run again take from checkpoints, if workers and file are those of the parent."""
    if stage == "detect":
        return "reused: nothing, every network runs again"
    snapshot = parent.config_snapshot or {}
    if not parts or not set(checkpoints.INPUT_FIELDS) <= set(snapshot):
        return "reused: nothing, there are no checkpoint parts: every network runs again"
    fitting = [part for part in parts if part.traits_hash == checkpoints.traits_hash(snapshot)]
    try:
        existing = stored_parts.existing(aws_clients.s3(config), config.s3_bucket, fitting)
    except WorkerError as failure:
        return f"reused: unknown, S3 cannot be used to look for the {len(fitting)} checkpoint parts: {failure}"
    found = stored_parts.coverage(existing, snapshot["stride"])
    total = "" if parent.frames_done is None else f" of {parent.frames_done}"
    unfit, lost = len(parts) - len(fitting), len(fitting) - len(existing)
    others = f"; {unfit} other parts are of other settings or another version" if unfit else ""
    others += f"; {lost} parts are no longer in S3, or s3:GetObject on them is denied to you" if lost else ""
    return (
        f"reused: boxes and embeddings of {found.frames}{total} frames, from {found.parts} parts{others}. The networks"
        " run for the frames that are missing, and for embeddings that the settings need in addition"
    )


def _plan(parent: RunRow, stage: ReplayStage, merged: Overrides, camera: Overrides, reused: str) -> str:
    again = overrides.STAGES[overrides.STAGES.index(stage) :]
    settings = [f"  {name} = {json.dumps(value)}" for name, value in sorted(merged.items())]
    settings += [f"  {name} = {json.dumps(value)} (of the camera)" for name, value in sorted(camera.items())]
    return "\n".join(
        [
            f"parent: {parent.id} ({parent.run_type}, completed {parent.completed_at})",
            f"stages that run again: {', '.join(again)}",
            reused,
            "settings that are not those of the workers:" if settings else "settings: those of the workers",
            *settings,
            "nothing is started (--dry-run)",
            "",
        ]
    )


def _setting(text: str) -> tuple[str, object]:
    """An argparse type: NAME=VALUE, with the value as JSON."""
    name, separator, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=NUMBER" if separator else f"{text!r} has no '='"
        ) from None


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("replay", ABOUT, EXAMPLE)
    parser.add_argument("video", type=arguments.uuid, metavar="VIDEO", help="the video's id")
    parser.add_argument(
        "--from", dest="stage", choices=(*overrides.STAGES, CLASSIFY), required=True, help="first stage to run again"
    )
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a setting; can be repeated"
    )
    parser.add_argument(
        "--run", type=arguments.uuid, metavar="UUID", help="parent, instead of the newest completed run"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run, change nothing")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

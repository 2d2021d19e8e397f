"""List, show, control and compare runs: python -m video_analysis.ops runs --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, run_text
from video_analysis.ops.diff import command as diff_command
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.run_row import RunRow
from video_analysis.ops.run_rows import RunRows, longest_silence_s
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts.messages import ReplayVideo
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import RunStatus
from video_analysis.worker_utils.errors import WorkerError

ABOUT = """\
Shows and controls the runs of videos. A run is one way of processing one video. Needs the database, by your own
credentials; `resume` also needs sqs:SendMessage on the video queue, `diff` s3:GetObject on snapshots and runs/*.

pause: a running run stops within seconds, a pending one at once; what is finished is kept. resume: the run continues.
cancel: the run ends, and its video gets the status `error`. adopt: the next videos of the camera have the settings of
the run. Each can be repeated."""
EXAMPLES = (
    "list --status running",
    "tree 1c9d2a4e-7c0b-4f7e-9d5c-0c8a6f6b2d11",
    "pause 1c9d2a4e-7c0b-4f7e-9d5c-0c8a6f6b2d11",
)
NEWEST = 20


def main(given: Sequence[str] | None = None) -> int:
    """0 when the runs are shown or changed, 2 on an error."""
    options = _options(given)
    return exit_status.run("runs", lambda: _run(options))


def send(config: WorkerConfig, run: RunRow) -> None:
    """Send the REPLAY_VIDEO of a pending run. CommandError if that fails: the run stays pending."""
    message = ReplayVideo(run_id=run.id, video_id=run.video_id, workspace_id=run.workspace_id)
    try:
        aws_clients.publisher(config, config.video_queue).send(message.to_json())
    except WorkerError as failure:
        remedy = f"`runs resume {run.id}` sends its message again"
        raise CommandError(f"run {run.id} is pending, but its message could not be sent: {failure}; {remedy}") from None


def _run(options: argparse.Namespace) -> None:
    config = worker_config.load(os.environ)
    rows = RunRows(Database(config.database_url, "cvitx-runs"), longest_silence_s(config))
    sys.stdout.write(COMMANDS[options.command](rows, config, options))


def _list(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    found = rows.listed(
        video_id=options.video, workspace_id=options.workspace, status=options.status, limit=options.limit
    )
    return run_text.table(found, rows.cameras(found)) if found else "no such runs\n"


def _show(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    return run_text.details(rows.one(options.run))


def _tree(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    return run_text.tree(rows.tree(options.run))


def _pause(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    return run_text.state(rows.pause(options.run))


def _cancel(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    return run_text.state(rows.cancel(options.run))


def _resume(rows: RunRows, config: WorkerConfig, options: argparse.Namespace) -> str:
    run = rows.resume(options.run)
    if run.status == "pending":
        send(config, run)
    return run_text.state(run)


def _adopt(rows: RunRows, _: WorkerConfig, options: argparse.Namespace) -> str:
    return run_text.adopted(rows.adopt(options.run, replace=options.replace))


def _diff(rows: RunRows, config: WorkerConfig, options: argparse.Namespace) -> str:
    before, after = rows.one(options.run), rows.one(options.other)
    page = options.out or Path(f"diff_{before.id}_{after.id}.html")
    return diff_command.diff(config, rows.database, before, after, page, options.pictures)


COMMANDS: Mapping[str, Callable[[RunRows, WorkerConfig, argparse.Namespace], str]] = {
    "list": _list,
    "show": _show,
    "tree": _tree,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "adopt": _adopt,
    "diff": _diff,
}


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("runs", ABOUT, *EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the newest runs, with their progress")
    listing.add_argument("--video", type=arguments.uuid, metavar="UUID", help="those of one video")
    listing.add_argument("--workspace", type=arguments.uuid, metavar="UUID", help="those of one workspace")
    listing.add_argument("--status", choices=get_args(RunStatus), help="those with this status")
    listing.add_argument("--limit", type=arguments.count, default=NEWEST, metavar="N", help="default: %(default)s")
    named: dict[str, argparse.ArgumentParser] = {}
    for name, text in (
        ("show", "all columns of a run"),
        ("tree", "all runs of the video of a run, by parent"),
        ("pause", "stop a run and keep what is finished"),
        ("resume", "continue a paused run, or send the message of a pending one again"),
        ("cancel", "end a run"),
        ("adopt", "keep the settings of a completed replay for its camera"),
        ("diff", "what a replay changed: prints the vehicles that differ, and writes a page with their snapshots"),
    ):
        named[name] = commands.add_parser(name, help=text)
        named[name].add_argument("run", type=arguments.uuid, metavar="RUN")
    comparison = named["diff"]
    comparison.add_argument("other", type=arguments.uuid, metavar="OTHER", help="the run after the change")
    comparison.add_argument(
        "--out", type=arguments.html_path, metavar="FILE.html", help="the page (default: diff_RUN_OTHER.html)"
    )
    comparison.add_argument(
        "--pictures", type=arguments.count, default=diff_command.MAX_IMAGES, metavar="N", help="default: %(default)s"
    )
    named["adopt"].add_argument("--replace", action="store_true", help="remove the other settings of the camera")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

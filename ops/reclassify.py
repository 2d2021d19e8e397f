"""Send stored snapshots again, for a new checkpoint: python -m video_analysis.ops reclassify --help.

The message of each row is built from the row. The row stays `done` and keeps its old results until both variants are
replaced in one transaction; `checkpoint` distinguishes old results from new ones. If the new attempt fails, the old
results remain. A run that is interrupted and started again sends some messages twice; the worker then finds the
results of its own checkpoint and does nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, pace
from video_analysis.ops.stored_snapshots import Selection, StoredSnapshot, StoredSnapshots
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import BadMessage

ABOUT = """\
Sends SNAPSHOT_READY again for stored snapshots, so that the workers' current checkpoints replace the results of other
checkpoints. Use it after a new checkpoint was installed and the workers were restarted. No video is read.

Rows that are `done` are sent; with --errors also rows that are `error`. Rows that are `queued` or `processing` are
skipped, because their message is still in the queue. Needs the database and sqs:SendMessage on the snapshot queue, by
your own credentials: the workers' roles do not have this permission."""
VIDEO_EXAMPLE = "--video 50651c85-90ab-471b-8707-adc0ef16f91f --dry-run"
WORKSPACE_EXAMPLE = "--workspace aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee --since 2026-03-01T00:00:00+08:00"
PER_SECOND = 20.0
"""New videos use the same queue, so the rate must not exceed what the workers process."""
SENT = "sent"


def main(given: Sequence[str] | None = None) -> int:
    """0 when all messages are sent, 2 on an error, 130 if interrupted. Always prints how many were sent and skipped."""
    options = _options(given)
    return exit_status.run("reclassify", lambda: _reclassify(options), "run it again for the rest")


def resend_current(video_id: str, *, dry_run: bool) -> None:
    """Send the current snapshots of one video that have results, and print how many were sent and skipped."""
    options = _options(["--video", video_id, *(["--dry-run"] if dry_run else [])])
    options.is_current = True
    _reclassify(options)


def _reclassify(options: argparse.Namespace) -> None:
    counts: Counter[str] = Counter()
    remark = ""
    try:
        config = worker_config.load(os.environ)
        send = (lambda _: None) if options.dry_run else _sender(config, options.per_second)
        _resend(_stored(config, options), config.s3_bucket, options.errors, send, counts)
        remark = "" if counts.total() else " (image_analyses has no such rows)"
    finally:
        _print_counts(counts, options.dry_run, remark)


def _resend(
    stored: Iterable[StoredSnapshot], bucket: str, errors: bool, send: Callable[[str], None], counts: Counter[str]
) -> None:
    """Send the message of each snapshot, or count why it is skipped."""
    wanted = ("done", "error") if errors else ("done",)
    for snapshot in stored:
        if snapshot.status not in wanted:
            counts[snapshot.status] += 1
            continue
        try:
            message = messages.parse_snapshot_ready(snapshot.body, bucket)
        except BadMessage as fault:
            counts["invalid"] += 1
            sys.stderr.write(f"skipped row {snapshot.id} ({snapshot.snapshot_uri}): {fault}\n")
            continue
        send(message.to_json())
        counts[SENT] += 1


def _print_counts(counts: Counter[str], dry_run: bool, remark: str) -> None:
    skipped = [f"{count} {reason}" for reason, count in sorted(counts.items()) if reason != SENT]
    sent = f"{counts[SENT]} {'would be sent' if dry_run else 'sent'}"
    reasons = f": {', '.join(skipped)}" if skipped else ""
    sys.stdout.write(f"{sent}, {counts.total() - counts[SENT]} skipped{reasons}{remark}\n")


def _stored(config: WorkerConfig, options: argparse.Namespace) -> Iterable[StoredSnapshot]:
    selection = Selection(options.video, options.workspace, options.since, options.until, options.is_current)
    return StoredSnapshots(Database(config.database_url, "cvitx-reclassify")).read(selection)


def _sender(config: WorkerConfig, per_second: float) -> Callable[[str], None]:
    return _paced(aws_clients.publisher(config, config.snapshot_queue).send, per_second)


def _paced(send: Callable[[str], None], per_second: float) -> Callable[[str], None]:
    """`send`, limited to `per_second` calls."""
    wait = pace.limited(per_second)

    def wait_and_send(body: str) -> None:
        wait()
        send(body)

    return wait_and_send


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("reclassify", ABOUT, VIDEO_EXAMPLE, WORKSPACE_EXAMPLE)
    arguments.add_scope(parser, "all snapshots of one video", "all of a workspace; needs --since")
    arguments.add_period(parser)
    parser.add_argument("--errors", action="store_true", help="also send rows that are `error`")
    parser.add_argument(
        "--per-second", type=arguments.rate, default=PER_SECOND, metavar="N", help="maximum rate (default: %(default)g)"
    )
    parser.add_argument("--dry-run", action="store_true", help="count the rows and name invalid ones, send nothing")
    parser.set_defaults(is_current=False)
    options = parser.parse_args(given)
    if options.workspace and not options.since:
        parser.error("--workspace needs --since, so that a whole workspace is not sent by mistake")
    if options.since and options.until and options.since >= options.until:
        parser.error("--until must be later than --since")
    return options


if __name__ == "__main__":
    sys.exit(main())

"""Send stored snapshots again, for a new checkpoint: python -m video_analysis.ops reclassify --help.

    --video UUID | --workspace UUID --since INSTANT [--until INSTANT]   [--errors] [--per-second N] [--dry-run]

After another checkpoint was put in place and the workers were restarted: each row of `image_analyses` that is `done`
is announced again as the SNAPSHOT_READY that it came from, and the workers replace its results, a variant at a time,
where another checkpoint wrote them. Pictures come from S3 as ever; no video is read. A period goes by `detected_at`
where the row has one, else by `created_at`; --until is exclusive.

What a reader sees meanwhile: the row stays `done` and keeps its old results, which `checkpoint` tells from the new
ones, until both are replaced in one transaction; should the new attempt fail, the old results stand. Rows that are
`queued` or `processing` have a message on its way already and are left out; `error` rows are tried again with --errors.

Interrupted and run again it sends some twice, which costs a worker one look at the row. It needs the database and
sqs:SendMessage on the snapshot queue: the credentials are the operator's, the workers' roles do not have it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import boto3
from botocore.exceptions import BotoCoreError

from video_analysis import worker_config
from video_analysis.ops.arguments import uuid
from video_analysis.ops.stored_snapshots import Selection, StoredSnapshot, StoredSnapshots
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.contracts import messages, timestamps
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import BadMessage, ConfigurationError, WorkerError

INTERRUPTED = 130
"""What a shell says of a process that Ctrl-C ended."""
PER_SECOND = 20.0
"""What is sent waits in the same queue as new videos' snapshots: no faster than workers keep up with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all were sent, 2 where that cannot be, with one line that says why; 130 when interrupted."""
    options = _options(arguments)
    told: Counter[str] = Counter()
    try:
        config = worker_config.load(os.environ)
        send = (lambda _: None) if options.dry_run else _paced(_publisher(config).send, options.per_second)
        _resend(_stored(config, options), config.s3_bucket, options.errors, send, told)
    except KeyboardInterrupt:
        _tell(told, options.dry_run)
        sys.stderr.write("reclassify: interrupted; run it again for the rest\n")
        return INTERRUPTED
    except (ConfigurationError, WorkerError) as error:
        _tell(told, options.dry_run)
        sys.stderr.write(f"reclassify: {error}\n")
        return 2
    _tell(told, options.dry_run, "" if told.total() else " (image_analyses has no such rows)")
    return 0


def _resend(
    stored: Iterable[StoredSnapshot], bucket: str, errors: bool, send: Callable[[str], None], told: Counter[str]
) -> None:
    """Hand each snapshot's message to `send`, or say why not; `told` keeps count."""
    wanted = ("done", "error") if errors else ("done",)
    for snapshot in stored:
        if snapshot.status not in wanted:
            told[snapshot.status] += 1
            continue
        try:
            message = messages.parse_snapshot_ready(snapshot.body, bucket)
        except BadMessage as fault:
            told["not to be rebuilt"] += 1
            sys.stderr.write(f"skipped row {snapshot.id} ({snapshot.snapshot_uri}): {fault}\n")
            continue
        send(message.to_json())
        told["sent"] += 1


def _tell(told: Counter[str], dry_run: bool, remark: str = "") -> None:
    skipped = [f"{count} {why}" for why, count in sorted(told.items()) if why != "sent"]
    sent = f"{told['sent']} {'would be sent' if dry_run else 'sent'}"
    why = f": {', '.join(skipped)}" if skipped else ""
    sys.stdout.write(f"{sent}, {told.total() - told['sent']} skipped{why}{remark}\n")


def _stored(config: WorkerConfig, options: argparse.Namespace) -> Iterable[StoredSnapshot]:
    selection = Selection(options.video, options.workspace, options.since, options.until)
    return StoredSnapshots(Database(config.database_url, "cvitx-reclassify")).read(selection)


def _publisher(config: WorkerConfig) -> Publisher:
    """ConfigurationError where the profile or the endpoint that boto3 is told to use cannot be."""
    try:
        return Publisher(boto3.Session(region_name=config.region), config.snapshot_queue, region=config.region)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"SQS cannot be asked: {error}") from None


def _paced(send: Callable[[str], None], per_second: float) -> Callable[[str], None]:
    """`send`, at most so often."""
    next_s = time.monotonic()

    def wait_and_send(body: str) -> None:
        nonlocal next_s
        time.sleep(max(0.0, next_s - time.monotonic()))
        next_s = max(next_s, time.monotonic()) + 1 / per_second
        send(body)

    return wait_and_send


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    about = "Send stored snapshots again, so that the workers' present checkpoints replace their results."
    parser = argparse.ArgumentParser(prog="python -m video_analysis.ops reclassify", description=about)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--video", type=uuid, metavar="UUID")
    which.add_argument("--workspace", type=uuid, metavar="UUID", help="with --since")
    parser.add_argument("--since", type=_instant, metavar="INSTANT", help="RFC 3339, by detected_at, else created_at")
    parser.add_argument("--until", type=_instant, metavar="INSTANT", help="exclusive")
    parser.add_argument("--errors", action="store_true", help="try rows that are `error` again, too")
    parser.add_argument("--per-second", type=_rate, default=PER_SECOND, metavar="N", help="default: %(default)g")
    parser.add_argument("--dry-run", action="store_true", help="count and name, send nothing")
    options = parser.parse_args(arguments)
    if options.workspace and not options.since:
        parser.error("--workspace wants --since: a whole workspace is sent from its first day on only if you say so")
    if options.since and options.until and options.since >= options.until:
        parser.error("--until is to be later than --since: no row can lie in such a period")
    return options


def _instant(text: str) -> datetime:
    try:
        return timestamps.parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def _rate(text: str) -> float:
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", text) or not 0.01 <= float(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of messages a second, 0.01 to 1000")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())

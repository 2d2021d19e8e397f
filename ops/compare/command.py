"""Where baseline and cmt agree, and where not: python -m video_analysis.ops compare --help.

Over the rows that RUN_MODE compare wrote for a video or a workspace. Prints the figures, and writes them as JSON
beside a page that needs nothing else and shows the snapshots the two disagree about. Only reads: the database, and
the snapshots by s3:GetObject.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from video_analysis import worker_config
from video_analysis.ops.arguments import uuid
from video_analysis.ops.compare import agreement, report_page, report_text, thumbnails
from video_analysis.ops.compare.agreement import Agreement
from video_analysis.ops.compare.stored_verdicts import Comparable, ComparisonRecords, Scope
from video_analysis.ops.compare.thumbnails import SmallPicture
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import ConfigurationError, WorkerError

PICTURES = 40
REMEDY = (
    "run main_worker with CVITX_RUN_MODE=compare (and CVITX_ENV_OVERRIDES=1), then send the video, or its "
    "SNAPSHOT_READY messages, again"
)


class NothingToCompareError(Exception):
    """There are no two rows to hold against each other; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the report is written, 2 where it cannot be, with one line that says why."""
    options = _options(arguments)
    scope: Scope = "video" if options.video else "workspace"
    identifier = options.video or options.workspace
    out = options.out or Path(f"compare_{scope}_{identifier}.html")
    try:
        config = worker_config.load(os.environ)
        found = _found(config, scope, identifier)
        pictures = _write(out, config, {"scope": scope, "id": identifier}, found, options.pictures)
    except (ConfigurationError, NothingToCompareError, WorkerError, OSError) as error:
        sys.stderr.write(f"compare: {error}\n")
        return 2
    told = [*report_text.lines(f"{scope} {identifier}", found), *report_text.without(pictures)]
    sys.stdout.write("\n".join([*told, f"{out}: written, and {out.with_suffix('.json')}"]) + "\n")
    return 0


def _found(config: WorkerConfig, scope: Scope, identifier: str) -> Agreement:
    """What the database says, counted. NothingToCompareError where no snapshot has both rows."""
    database = Database(config.database_url, "cvitx-compare")
    try:
        rows = ComparisonRecords(database).read(scope, identifier)
    finally:
        database.close()
    if not rows.pairs:
        raise NothingToCompareError(_why_nothing(rows, scope, identifier))
    return agreement.measure(rows.pairs)


def _why_nothing(rows: Comparable, scope: Scope, identifier: str) -> str:
    if not (rows.is_known or rows.snapshots):
        return f"no such {scope}: neither videos nor image_analyses knows {identifier}"
    return (
        f"{scope} {identifier} has no snapshot with rows of both variants ({rows.snapshots} snapshots, "
        f"{rows.baseline_rows} baseline rows, {rows.cmt_rows} cmt rows): {REMEDY}"
    )


def _write(
    out: Path, config: WorkerConfig, about: dict[str, str], found: Agreement, most: int
) -> Sequence[SmallPicture]:
    """The page, whose pictures are returned, and the JSON beside it. The JSON, which needs no S3, comes first."""
    figures = json.dumps(report_text.document(about, found), indent=1, ensure_ascii=False)
    out.with_suffix(".json").write_text(figures + "\n", "utf-8")
    uris = [one.snapshot.snapshot_uri for one in found.disagreements[:most]]
    pictures = thumbnails.fetch(_storage(config), config.s3_bucket, uris)
    out.write_text(report_page.render(f"{about['scope']} {about['id']}", found, pictures), "utf-8")
    return pictures


def _storage(config: WorkerConfig) -> ObjectStore:
    """ConfigurationError where the profile or the endpoint that boto3 is told to use cannot be."""
    try:
        return ObjectStore.connect(boto3.Session(region_name=config.region), config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"S3 cannot be asked: {error}") from None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.ops compare", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--video", type=uuid, metavar="UUID")
    which.add_argument("--workspace", type=uuid, metavar="UUID")
    parser.add_argument("--out", type=_page, metavar="FILE.html", help="default: compare_video_UUID.html, here")
    parser.add_argument("--pictures", type=_count, default=PICTURES, metavar="N", help="at most (default: %(default)s)")
    return parser.parse_args(arguments)


def _page(text: str) -> Path:
    if not text.endswith(".html"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html (the JSON is written beside it)")
    return Path(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pictures, 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

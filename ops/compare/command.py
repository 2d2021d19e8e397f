"""Compare the results of two models: python -m video_analysis.ops compare --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status
from video_analysis.ops.compare import agreement, report_page, report_text, thumbnails
from video_analysis.ops.compare.agreement import Agreement
from video_analysis.ops.compare.stored_verdicts import Comparable, Scope, StoredVerdicts
from video_analysis.ops.compare.thumbnails import Thumbnail
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Reports how far the models baseline and cmt agree, from the rows that workers with CVITX_RUN_MODE=compare wrote for a
video or a workspace. Prints the figures, and writes them as JSON and as one HTML page with images of the snapshots
about which the models disagree. Only reads the database (SELECT) and the snapshots (s3:GetObject)."""
VIDEO_EXAMPLE = "--video 50651c85-90ab-471b-8707-adc0ef16f91f"
WORKSPACE_EXAMPLE = "--workspace aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee --out agreement.html"
MAX_IMAGES = 40
REMEDY = (
    "run main_worker with CVITX_RUN_MODE=compare (and CVITX_ENV_OVERRIDES=1), then send its stored snapshots again "
    "with `ops reclassify`"
)


def main(given: Sequence[str] | None = None) -> int:
    """0 if the report is written, 2 on an error, 130 if interrupted."""
    options = _options(given)
    return exit_status.run("compare", lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    scope: Scope = "video" if options.video else "workspace"
    identifier = options.video or options.workspace
    title = f"{scope} {identifier}"
    page = options.out or Path(f"compare_{scope}_{identifier}.html")
    config = worker_config.load(os.environ)
    found = _measure(config, scope, identifier)
    try:
        images = _write(page, config, {"scope": scope, "id": identifier}, found, options.pictures)
    except OSError as error:
        raise CommandError(f"{error}; choose another file with --out") from error
    lines = [*report_text.lines(title, found), *report_text.missing_images(images)]
    sys.stdout.write("\n".join([*lines, f"written: {page} and {page.with_suffix('.json')}"]) + "\n")


def _measure(config: WorkerConfig, scope: Scope, identifier: str) -> Agreement:
    """The agreement of the stored results. CommandError if no snapshot has results of both variants."""
    database = Database(config.database_url, "cvitx-compare")
    try:
        rows = StoredVerdicts(database).read(scope, identifier)
    finally:
        database.close()
    if not rows.pairs:
        raise CommandError(_why_nothing(rows, scope, identifier))
    return agreement.measure(rows.pairs)


def _why_nothing(rows: Comparable, scope: Scope, identifier: str) -> str:
    if not (rows.is_known or rows.snapshots):
        return (
            f"no such {scope}: neither videos nor image_analyses has {identifier}; check the id, and that "
            "CVITX_DATABASE_URL is the right database"
        )
    return (
        f"{scope} {identifier} has no snapshot with results of both variants ({rows.snapshots} snapshots, "
        f"{rows.baseline_rows} baseline rows, {rows.cmt_rows} cmt rows): {REMEDY}"
    )


def _write(
    page: Path, config: WorkerConfig, about: dict[str, str], found: Agreement, max_images: int
) -> Sequence[Thumbnail]:
    """Write the JSON first, because it needs no S3, then the page. Returns the images of the page."""
    figures = json.dumps(report_text.document(about, found), indent=1, ensure_ascii=False)
    page.with_suffix(".json").write_text(figures + "\n", "utf-8")
    uris = [one.snapshot.snapshot_uri for one in found.disagreements[:max_images]]
    images = thumbnails.fetch(aws_clients.storage(config), config.s3_bucket, uris)
    page.write_text(report_page.render(f"{about['scope']} {about['id']}", found, images), "utf-8")
    return images


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("compare", ABOUT, VIDEO_EXAMPLE, WORKSPACE_EXAMPLE)
    arguments.add_scope(parser, "all snapshots of one video", "all snapshots of a workspace")
    parser.add_argument(
        "--out",
        type=arguments.html_path,
        metavar="FILE.html",
        help="the page; the JSON file has the same name (default: compare_video_UUID.html in the current folder)",
    )
    parser.add_argument(
        "--pictures",
        type=arguments.count,
        default=MAX_IMAGES,
        metavar="N",
        help="maximum number of images on the page (default: %(default)s)",
    )
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

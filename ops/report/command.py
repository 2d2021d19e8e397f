"""Write the vehicles of a video as one HTML page: python -m video_analysis.ops report --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.report import page, reader, wording
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Writes one self-contained HTML page about a video: its facts, counts per type, and each vehicle with its snapshot,
results and confidences. It shows the current snapshots (view current_image_analyses), also while the video is being
processed. Needs SELECT on videos, video_runs, image_analyses and image_analysis_results, and s3:GetObject on snapshots,
by your own credentials."""
EXAMPLE = "50651c85-90ab-471b-8707-adc0ef16f91f --out report.html"


def main(given: Sequence[str] | None = None) -> int:
    """0 when the page is written, 2 on an error."""
    options = _options(given)
    return exit_status.run("report", lambda: _report(options))


def _report(options: argparse.Namespace) -> None:
    config = worker_config.load(os.environ)
    found = reader.read(Database(config.database_url, "cvitx-report"), options.video)
    results = reader.results(found, aws_clients.storage(config), config.s3_bucket)
    path: Path = options.out or Path(f"report_{options.video}.html")
    try:
        page.write(path, results, reader.facts(found))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; name another file with --out") from None
    vehicles = len(page.by_vehicle(results))
    missing = vehicles - len(results.snapshots)
    remark = f", {wording.count(missing, 'snapshot')} cannot be read" if missing else ""
    sys.stdout.write(f"{path}: {wording.count(vehicles, 'vehicle')}{remark}\n")


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("report", ABOUT, EXAMPLE)
    parser.add_argument("video", type=arguments.uuid, metavar="VIDEO", help="the video's id")
    parser.add_argument(
        "--out", type=arguments.html_path, metavar="FILE.html", help="the page (default: report_VIDEO.html)"
    )
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

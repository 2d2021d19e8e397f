"""Compares two runs of one video: `ops runs diff A B`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from video_analysis.ops import aws_clients, stored_parts
from video_analysis.ops.compare import report_text as image_text
from video_analysis.ops.compare import thumbnails
from video_analysis.ops.diff import frames, paths, report_page, report_text, rows, vehicles
from video_analysis.ops.diff.vehicles import RunDiff
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.run_row import RunRow
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.db.connection import Database

MAX_IMAGES = 200


def diff(config: WorkerConfig, database: Database, before: RunRow, after: RunRow, page: Path, most_images: int) -> str:
    """Write the page. Returns the text for the terminal. CommandError if the runs cannot be compared."""
    if before.video_id != after.video_id:
        raise CommandError(f"the runs are of two videos: {before.video_id} and {after.video_id}")
    if before.run_key == after.run_key or None in (before.run_key, after.run_key):
        raise CommandError(
            "there is nothing to compare: runs with the same run key share their rows, and a run without one has none"
        )
    store = aws_clients.storage(config)
    found = _compare(store, database, before, after)
    uris = list(islice(_shown(found), most_images))
    images = thumbnails.fetch(store, config.s3_bucket, uris)
    try:
        page.write_text(report_page.render(before, after, found, dict(zip(uris, images, strict=True))), "utf-8")
    except OSError as error:
        raise CommandError(f"{error}; choose another file with --out") from error
    lines = [*report_text.lines(before, after, found), *image_text.missing_images(images), f"written: {page}"]
    return "\n".join(lines) + "\n"


def _compare(store: ObjectStore, database: Database, before: RunRow, after: RunRow) -> RunDiff:
    parts, others_parts = stored_parts.of_run(database, before.id), stored_parts.of_run(database, after.id)
    stored = stored_parts.boxes(store, parts, _stride(before))
    is_alike = _stride(before) == _stride(after) and stored_parts.are_of_one_origin(parts, others_parts)
    others_stored = stored if is_alike else stored_parts.boxes(store, others_parts, _stride(after))
    own = frames.located(rows.of_run(database, before), stored or others_stored)
    others = frames.located(rows.of_run(database, after), others_stored or stored)
    known = [*stored, *others_stored]
    ends_ms = [frames.end_ms(before, own, known), frames.end_ms(after, others, known)]
    path_of = paths.path_of([*own, *others], stored)
    return vehicles.compare(own, others, path_of, min((end for end in ends_ms if end is not None), default=None))


def _stride(run: RunRow) -> int:
    return int((run.config_snapshot or {}).get("stride", 1))


def _shown(found: RunDiff) -> Iterable[str]:
    """The snapshots on the page, the most important first."""
    yield from (one.snapshot_uri for one in [*found.new, *found.gone])
    for pair in found.other_frame:
        yield pair.before.snapshot_uri
        yield pair.after.snapshot_uri

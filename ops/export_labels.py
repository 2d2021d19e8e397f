"""Write results as a CSV file that a person corrects: python -m video_analysis.ops export-labels --help."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, label_file, labelled_snapshots, stored_pictures
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.labelled_snapshots import LabelledSnapshot, LabelSelection
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.imaging.crop import Image

ABOUT = """\
Writes one row per snapshot: its labels by one variant, for a person to correct, and then for
`python -m video_analysis.training --data FOLDER`. An empty cell is unknown. The column `split` separates the snapshots
by video: those of one video are never in two splits. The order of the rows is stable.

Only current rows that are `done` are written (view current_image_analyses). With --pictures the snapshots are
downloaded, too; those that are in the folder already are not downloaded again. Needs the database, and for --pictures
main_worker's s3:GetObject, by your own credentials."""
VIDEO_EXAMPLE = "--video 50651c85-90ab-471b-8707-adc0ef16f91f --out labels.csv"
WORKSPACE_EXAMPLE = "--workspace aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee --camera CAM1 --pictures my_pictures"


def main(given: Sequence[str] | None = None) -> int:
    """0 when the file is written, 2 on an error, 130 if interrupted."""
    options = _options(given)
    return exit_status.run("export-labels", lambda: _export(options))


def _export(options: argparse.Namespace) -> None:
    out: Path = options.out or (options.pictures or Path()) / label_file.FILE_NAME
    config = worker_config.load(os.environ)
    rows = _rows(config, options)
    try:
        _write_all(config, rows, out, options.pictures)
    except OSError as error:
        raise CommandError(f"{error.filename or out} cannot be written: {error.strerror or error}") from error


def _write_all(config: WorkerConfig, rows: Sequence[LabelledSnapshot], out: Path, pictures: Path | None) -> None:
    """Write the file, and with `pictures` the snapshots before it."""
    content = text(rows)
    if out.exists() and out.read_text(label_file.ENCODING, errors="replace") != content:
        raise CommandError(f"{out} exists, and may have corrections: move it, or name another file with --out")
    downloads = [] if pictures is None else _download(config, rows, pictures)
    _write(out, content.encode(label_file.ENCODING))
    videos = len({row.video_id for row in rows})
    sys.stdout.write(f"{out}: {len(rows)} snapshots of {videos} {'video' if videos == 1 else 'videos'}\n")
    sys.stdout.writelines(f"{line}\n" for line in downloads)


def text(rows: Sequence[LabelledSnapshot]) -> str:
    """The content of the file."""
    split = label_file.splits(row.video_id for row in rows)
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(label_file.COLUMNS)
    for row in rows:
        labels = (row.type, row.make, row.model, row.colour, row.plate)
        writer.writerow([row.analysis_id, row.snapshot_uri, *(one or "" for one in labels), split[row.video_id]])
    return content.getvalue()


def _rows(config: WorkerConfig, options: argparse.Namespace) -> list[LabelledSnapshot]:
    period = options.since, options.until
    selection = LabelSelection(options.variant, options.video, options.workspace, options.camera, *period)
    database = Database(config.database_url, "cvitx-export-labels")
    try:
        rows = labelled_snapshots.read(database, selection)
    finally:
        database.close()
    if not rows:
        raise CommandError(
            f"there is no current row that is done and has a result of {options.variant}; check the ids and the period,"
            " and that CVITX_DATABASE_URL is the right database"
        )
    return rows


def _download(config: WorkerConfig, rows: Sequence[LabelledSnapshot], folder: Path) -> list[str]:
    """Put the snapshots that are not there into the folder. Returns lines about them."""
    wanted = [row.snapshot_uri for row in rows if not _is_there(folder, row.snapshot_uri)]
    storage = aws_clients.storage(config)
    fetched = stored_pictures.fetch_all(storage, config.s3_bucket, wanted, partial(_store, folder))
    problems = [one.problem for one in fetched if one.problem is not None]
    lines = [f"{folder}: {len(rows) - len(problems)} pictures, {len(wanted) - len(problems)} of them new"]
    return lines + ([f"{len(problems)} are missing: {stored_pictures.reasons(problems)}"] if problems else [])


def _is_there(folder: Path, uri: str) -> bool:
    try:
        return (folder / label_file.picture_path(uri)).is_file()
    except ValueError:
        return False


def _store(folder: Path, uri: str, content: bytes, _image: Image) -> bool:
    _write(folder / label_file.picture_path(uri), content)
    return True


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")  # another export may write the same file
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("export-labels", ABOUT, VIDEO_EXAMPLE, WORKSPACE_EXAMPLE)
    arguments.add_scope(parser, "the snapshots of one video", "the snapshots of a workspace")
    parser.add_argument("--camera", type=arguments.camera_code, metavar="CAM1", help="only those of this camera")
    arguments.add_period(parser)
    parser.add_argument("--variant", choices=get_args(Variant), default="baseline", help="default: %(default)s")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.csv", help=f"default: {label_file.FILE_NAME} in the folder of --pictures"
    )
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="download the snapshots into this folder")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

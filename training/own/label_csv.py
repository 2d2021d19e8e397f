"""Reads a corrected CSV file of labels, in the form of `ops export-labels`. Every fault names its row and column."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from video_analysis.ops import label_file
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import OwnPicture, video_of

NEEDED = ("snapshot_s3_key", "type", "make", "model")
"""The other columns may be absent."""
SPLIT = "split"
DELIMITERS = (",", ";", "\t")
"""Spreadsheets of some countries write semicolons."""


def read(file: Path, folder: Path) -> list[OwnPicture]:
    """The rows whose picture is in `folder` and that have a label. LabelError names row and column.

    Row 1 is the head, as in a spreadsheet.
    """
    head, rows = _table(file)
    faults: list[str] = []
    found: list[OwnPicture] = []
    for number, cells in rows:
        place = f"{file.name}, row {number}"
        if len(cells) != len(head):
            faults.append(
                f"{place}: has {len(cells)} cells, but the head has {len(head)}; quote a cell with a separator"
            )
            continue
        try:
            found.append(_picture(dict(zip(head, map(str.strip, cells), strict=True)), folder, place))
        except ValueError as error:
            faults.append(f"{place}, {error}")
    if faults:
        raise LabelError(faults)
    return found


def _table(file: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """(names of the columns, (number, cells) of each row that is not empty)."""
    try:
        text = file.read_text(label_file.ENCODING)
    except UnicodeDecodeError as error:
        raise LabelError([f"{file}: byte {error.start} is not UTF-8; save it as CSV in UTF-8"]) from None
    first = text.partition("\n")[0]
    for delimiter in DELIMITERS:
        head = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        names = [name for name in head if name]
        if set(NEEDED) <= set(names) and len(set(names)) == len(names):
            _refuse_misspelt_split(file, names)
            return head, _rows(file, csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    raise LabelError(
        [f"{file}, row 1: needs the columns {', '.join(NEEDED)}, each once; it is {first.strip()[:200]!r}"]
    )


def _refuse_misspelt_split(file: Path, names: list[str]) -> None:
    """LabelError, because without the column each video would silently get another split."""
    near = [] if SPLIT in names else difflib.get_close_matches(SPLIT, names, 1, 0.75)
    if near:
        raise LabelError([f"{file}, row 1: {near[0]!r} is no known column; did you mean {SPLIT}?"])


def _rows(file: Path, table: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each row behind the head that is not empty. LabelError for an unpaired quotation mark."""
    number = 0
    try:
        for number, row in enumerate(table, start=1):
            if number > 1 and any(map(str.strip, row)):
                yield number, row
    except csv.Error as error:
        raise LabelError([f"{file.name}, row {number + 1}: {error}; is a quotation mark missing?"]) from None


def _picture(row: Mapping[str, str], folder: Path, place: str) -> OwnPicture:
    """ValueError names the column."""
    path, video = _source(row["snapshot_s3_key"])
    split = row.get(SPLIT) or None
    if split is not None and split not in label_file.SPLITS:
        raise ValueError(f"split: {split!r} is none of {', '.join(label_file.SPLITS)}, and not empty")
    kind, make, model = (row[level] or None for level in ("type", "make", "model"))
    return OwnPicture(folder / path, video, place, kind, make, model, split)


def _source(cell: str) -> tuple[PurePosixPath, str]:
    """(path within the folder, video) of a snapshot's URI or of a relative path."""
    if not cell:
        raise ValueError("snapshot_s3_key: is empty")
    try:
        if cell.startswith("s3://"):
            path = label_file.picture_path(cell)
            return path, path.parent.name
    except ValueError as error:
        raise ValueError(f"snapshot_s3_key: {cell[:200]!r} {error}") from None
    path = PurePosixPath(cell.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"snapshot_s3_key: {cell[:200]!r} is not a path within the folder")
    return path, video_of(Path(path))

"""Stored results as a CSV file to correct, and the snapshots beside it."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.ops import export_labels, label_file
from video_analysis.tests.support import report_rows

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORKSPACE = report_rows.WORKSPACE_ID
FIRST, SECOND = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
Sql = Callable[..., list[dict[str, Any]]]
Row = dict[str, str]


class Site:
    """Rows and snapshots as the workers write them."""

    def __init__(self, sql: Sql, s3: S3Client, bucket: str) -> None:
        self._sql, self._s3, self._bucket = sql, s3, bucket

    def add(self, video: str, track: int, **columns: Any) -> str:
        """The id of a new row; `columns` are those of its result, and `camera`, `status`, `variant`, `pictured`."""
        camera, status = columns.pop("camera", "CAM1"), columns.pop("status", "done")
        variant, pictured = columns.pop("variant", "baseline"), columns.pop("pictured", True)
        key = report_rows.key_of(track, 100 * track).replace(report_rows.VIDEO_ID, video).replace("CAM1", camera)
        if pictured:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=report_rows.picture(), ContentType="image/jpeg")
        (row,) = self._sql(
            "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, status,"
            " snapshot_s3_key, detected_in_ms, yolo_type) VALUES (%s, %s, 'CTX1005', %s, %s, %s, %s, %s, 'Car')"
            " RETURNING id::text",
            *(WORKSPACE, video, camera, track, status, f"s3://{self._bucket}/{key}", 100 * track),
        )
        names = "".join(f", {name}" for name in columns)
        self._sql(
            f"INSERT INTO image_analysis_results (analysis_id, variant{names}) VALUES (%s, %s{', %s' * len(columns)})",
            *(row["id"], variant, *columns.values()),
        )
        return str(row["id"])


@pytest.fixture
def site(
    sql: Sql, s3: S3Client, bucket: str, ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(sql, s3, bucket)


def exported(*arguments: str, file: str = "labels.csv") -> list[Row]:
    assert export_labels.main(["--workspace", WORKSPACE, *arguments]) == 0
    with Path(file).open(encoding=label_file.ENCODING, newline="") as text:
        return list(csv.DictReader(text))


def test_the_labels_of_a_row_are_its_cells_and_null_is_empty(site: Site) -> None:
    colors = json.dumps([{"finish": None, "base": "Red", "lightness": None, "conf": 0.8}])
    second = site.add(SECOND, 1)
    first = site.add(
        FIRST, 2, type_label="Car", make_label="Citroën", model_label="C3, 2nd", colors=colors, plate_text="NBC1234"
    )
    rows = exported()
    assert Path("labels.csv").read_text("utf-8-sig").splitlines()[0] == (
        "analysis_id,snapshot_s3_key,type,make,model,colour,plate,split"
    )
    assert [row["analysis_id"] for row in rows] == [first, second]
    assert [*rows[0].values()][2:7] == ["Car", "Citroën", "C3, 2nd", "Red", "NBC1234"]
    assert [*rows[1].values()][2:7] == [""] * 5
    assert rows[0]["snapshot_s3_key"].startswith("s3://")


def test_the_order_is_stable_and_a_video_is_in_one_split(site: Site) -> None:
    videos = [str(uuid.UUID(int=number)) for number in range(4)]
    for track in (3, 1, 2):
        for video in reversed(videos):
            site.add(video, track)
    rows = exported()
    places = [label_file.picture_path(row["snapshot_s3_key"]).as_posix() for row in rows]
    assert places == sorted(places)
    assert len({(place.partition("/")[0], row["split"]) for place, row in zip(places, rows, strict=True)}) == 4
    assert {row["split"] for row in rows} == set(label_file.SPLITS)


@pytest.mark.parametrize(
    ("arguments", "tracks"),
    [
        ((), [1, 2]),
        (("--camera", "CAM2"), [2]),
        (("--variant", "cmt"), [4]),
        (("--until", "2020-01-01T00:00:00Z"), None),
        (("--since", "2020-01-01T00:00:00Z", "--camera", "CAM1"), [1]),
    ],
)
def test_rows_are_selected_by_camera_variant_and_time(
    site: Site, arguments: tuple[str, ...], tracks: list[int] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    site.add(FIRST, 1)
    site.add(FIRST, 2, camera="CAM2")
    site.add(FIRST, 3, status="error")
    site.add(FIRST, 4, variant="cmt")
    if tracks is None:
        assert export_labels.main(["--workspace", WORKSPACE, *arguments]) == 2
        assert "there is no current row that is done and has a result of baseline" in capsys.readouterr().err
        return
    found = [int(row["snapshot_s3_key"].split("_")[-2]) for row in exported(*arguments)]
    assert found == tracks


def test_one_video_is_exported_alone(site: Site) -> None:
    site.add(FIRST, 1)
    site.add(SECOND, 1)
    assert export_labels.main(["--video", SECOND, "--out", "second.csv"]) == 0
    assert SECOND in Path("second.csv").read_text("utf-8-sig")
    assert FIRST not in Path("second.csv").read_text("utf-8-sig")


def test_pictures_are_downloaded_once_and_missing_ones_counted(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.add(FIRST, 1)
    site.add(FIRST, 2, pictured=False)
    rows = exported("--pictures", "mine", file="mine/labels.csv")
    present, missing = (Path("mine", label_file.picture_path(row["snapshot_s3_key"])) for row in rows)
    assert present.read_bytes() == report_rows.picture()
    assert not missing.exists()
    printed = capsys.readouterr().out
    assert "mine/labels.csv: 2 snapshots of 1 video\nmine: 1 pictures, 1 of them new\n1 are missing: s3://" in printed

    assert len(exported("--pictures", "mine", file="mine/labels.csv")) == 2
    assert "mine: 1 pictures, 0 of them new" in capsys.readouterr().out


@pytest.mark.parametrize("options", [("--out", "taken"), ("--pictures", "file"), ("--out", "file/labels.csv")])
def test_a_place_that_cannot_be_written_is_an_error_of_one_line(
    site: Site, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    site.add(FIRST, 1)
    Path("taken").mkdir()
    Path("file").touch()
    assert export_labels.main(["--workspace", WORKSPACE, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"export-labels: {Path(options[1]).parts[0]}")


def test_no_unfinished_file_is_left(site: Site) -> None:
    site.add(FIRST, 1)
    exported("--pictures", "mine", file="mine/labels.csv")
    assert {path.suffix for path in Path("mine").rglob("*") if path.is_file()} == {".csv", ".jpg"}


def test_a_corrected_file_is_never_overwritten(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.add(FIRST, 1)
    exported()
    Path("labels.csv").write_text("corrected", "utf-8")
    assert export_labels.main(["--workspace", WORKSPACE]) == 2
    assert "labels.csv exists, and may have corrections" in capsys.readouterr().err
    assert Path("labels.csv").read_text("utf-8") == "corrected"

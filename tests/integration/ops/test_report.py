"""`ops report` writes any video as one page, also without a row in `videos`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from video_analysis.ops.report import command as report
from video_analysis.tests.support import browser, video_bench
from video_analysis.tests.support.video_bench import VIDEO, Bench

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Sql = Callable[..., list[dict[str, object]]]


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, ops_queue_url: str) -> Iterator[Bench]:
    with video_bench.opened(database_url, sql, s3, bucket, 1) as bench:
        bench.deliver()
        sql("UPDATE image_analyses SET status = 'done' WHERE track_id = 1")
        sql(
            "INSERT INTO image_analysis_results (analysis_id, variant, type_label, type_conf, checkpoint, evidence,"
            " assets, latency_ms, memory_usage) SELECT id, 'baseline', 'SUV', 0.75, 'main@1', '{}', '{}', 1, 1"
            " FROM image_analyses WHERE track_id = 1"
        )
        yield bench


def test_the_page_has_every_vehicle_with_its_snapshot(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert report.main([VIDEO, "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 2 vehicles\n"
    html = path.read_text("utf-8")
    assert html.count('<article class="vehicle"') == html.count('src="data:image/jpeg;base64,') == 2
    assert "75%" in html
    assert "main@1" in html
    assert "Not classified yet: queued" in html
    assert "done, 2 vehicles found" in html
    facts = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html[: html.index('<h2 id="types">')])
    assert [name for name, _ in facts] == ["Recorded", "Size", "Camera", "Frames processed", "Main model"]
    assert all(value not in ("", "–") for _, value in facts)


def test_nothing_is_said_about_what_is_not_known(bench: Bench, sql: Sql, tmp_path: Path) -> None:
    sql("DELETE FROM image_analyses")
    sql("DELETE FROM video_runs")
    sql("UPDATE videos SET recorded_at = NULL, camera_code = NULL, camera_label = NULL")
    path = tmp_path / "report.html"
    assert report.main([VIDEO, "--out", str(path)]) == 0
    html = path.read_text("utf-8")
    assert "<dt>" not in html
    assert html.count("Not known.") == 2


def test_a_video_without_a_row_and_a_lost_snapshot_are_shown(
    bench: Bench, sql: Sql, s3: S3Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql("DELETE FROM videos")
    s3.delete_object(Bucket=bench.bucket, Key=next(iter(bench.objects())))
    path = tmp_path / "report.html"
    assert report.main([VIDEO, "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 2 vehicles, 1 snapshot cannot be read\n"
    html = path.read_text("utf-8")
    assert f"<h1>{VIDEO}</h1>" in html
    assert "done, 2 vehicles found" in html
    assert "The picture is not in the store." in html


def test_an_unknown_video_and_a_folder_that_does_not_exist_are_named(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main([VIDEO.replace("5", "6"), "--out", str(tmp_path / "a.html")]) == 2
    assert "no row names the video" in capsys.readouterr().err
    assert report.main([VIDEO, "--out", str(tmp_path / "absent" / "a.html")]) == 2
    assert "absent/a.html: No such file or directory; name another file" in capsys.readouterr().err


@pytest.mark.slow
def test_the_page_fits_a_narrow_screen(bench: Bench, chromium: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert report.main([VIDEO, "--out", str(path)]) == 0
    shown = browser.open_page(chromium, path, 390, tmp_path / "report.png")
    assert shown["cards"] == 2
    assert shown["scroll_width"] <= 390
    assert all(complete for complete, *_ in shown["pictures"])

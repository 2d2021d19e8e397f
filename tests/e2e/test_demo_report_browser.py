"""The report in a real browser: on a phone and on a desk everything is there, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from video_analysis.ops.report import page
from video_analysis.tests.support import report_rows
from video_analysis.tests.support.browser import open_page


@pytest.mark.parametrize("width_px", [360, 1280])
def test_the_report_fits_its_window_and_shows_every_picture(chromium: str, tmp_path: Path, width_px: int) -> None:
    report, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write(report, report_rows.street(), report_rows.FACTS)
    seen = open_page(chromium, report, width_px, picture)
    assert picture.stat().st_size > 10_000
    assert seen["loaded"]
    assert seen["width"] == width_px
    assert seen["scroll_width"] <= width_px
    assert seen["cards"] == 4
    assert [picture[:3] for picture in seen["pictures"]] == [[True, 640, 640]] * 4
    assert all(picture[3].startswith("Vehicle ") for picture in seen["pictures"])
    assert (seen["title"], seen["lang"], seen["scripts"]) == ("Vehicle report: street.mp4", "en", 0)
    assert seen["console"] == []
    assert {url.split(":")[0] for url in seen["requests"]} <= {"file", "data"}
    assert len([url for url in seen["requests"] if url.startswith("file:")]) == 1


def test_a_name_without_any_space_breaks_rather_than_widen_a_phone(chromium: str, tmp_path: Path) -> None:
    report, long = tmp_path / "report.html", "W" * 120
    rows = [
        report_rows.row(1, 0, variant, type_label=long, plate_text=long, checkpoint=long, yolo_type=long)
        for variant in ("baseline", "cmt")
    ]
    page.write(report, report_rows.found(rows, file_name=long, camera_label=long, error_msg=long), report_rows.FACTS)
    assert open_page(chromium, report, 360, tmp_path / "report.png")["scroll_width"] <= 360


@pytest.mark.parametrize(("scheme", "paper"), [("dark", "rgb(20, 24, 27)"), ("light", "rgb(246, 247, 248)")])
def test_the_report_is_dark_where_its_reader_wants_it_so(
    chromium: str, tmp_path: Path, scheme: Literal["light", "dark"], paper: str
) -> None:
    report = tmp_path / "report.html"
    page.write(report, report_rows.street(), report_rows.FACTS)
    assert open_page(chromium, report, 360, tmp_path / "report.png", scheme)["background"] == paper

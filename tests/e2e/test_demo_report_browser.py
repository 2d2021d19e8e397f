"""The report in a real browser: on a phone and on a desk everything is there, and nothing is fetched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from video_analysis.demo.report import page
from video_analysis.tests.support import report_rows

TIMEOUT_S = 120


@pytest.fixture(scope="session")
def browser() -> str:
    """The module that opens pages; skips where this system lacks a library that Chromium links to."""
    tried = [sys.executable, "-c", "import PySide6.QtWebEngineWidgets"]
    verdict = subprocess.run(tried, capture_output=True, text=True, check=False)
    if "cannot open shared object file" in verdict.stderr:
        pytest.skip(f"no browser: {verdict.stderr.splitlines()[-1]}")
    assert verdict.returncode == 0, verdict.stderr
    return "video_analysis.tests.support.browser"


def opened(browser: str, report: Path, width_px: int, **environ: str) -> dict[str, Any]:
    picture = report.with_name(f"report_{width_px}.png")
    command = [sys.executable, "-m", browser, str(report), str(width_px), str(picture)]
    around = os.environ | environ
    verdict = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=around)
    assert verdict.returncode == 0, verdict.stderr
    assert picture.stat().st_size > 10_000
    seen: dict[str, Any] = json.loads(verdict.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("width_px", [360, 1280])
def test_the_report_fits_its_window_and_shows_every_picture(browser: str, tmp_path: Path, width_px: int) -> None:
    report = tmp_path / "report.html"
    page.write(report, report_rows.street(), report_rows.FACTS)
    seen = opened(browser, report, width_px)
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


def test_a_name_without_any_space_breaks_rather_than_widen_a_phone(browser: str, tmp_path: Path) -> None:
    report, long = tmp_path / "report.html", "W" * 120
    rows = [
        report_rows.row(1, 0, variant, type_label=long, plate_text=long, checkpoint=long, yolo_type=long)
        for variant in ("baseline", "cmt")
    ]
    page.write(report, report_rows.found(rows, file_name=long, camera_label=long, error_msg=long), report_rows.FACTS)
    assert opened(browser, report, 360)["scroll_width"] <= 360


@pytest.mark.parametrize(("scheme", "paper"), [("0", "rgb(20, 24, 27)"), ("1", "rgb(246, 247, 248)")])
def test_the_report_is_dark_where_its_reader_wants_it_so(browser: str, tmp_path: Path, scheme: str, paper: str) -> None:
    report = tmp_path / "report.html"
    page.write(report, report_rows.street(), report_rows.FACTS)
    flags = f"--no-sandbox --disable-gpu --blink-settings=preferredColorScheme={scheme}"
    assert opened(browser, report, 360, QTWEBENGINE_CHROMIUM_FLAGS=flags)["background"] == paper

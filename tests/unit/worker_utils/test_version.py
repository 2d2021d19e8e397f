"""The version that is stored with each run."""

from __future__ import annotations

import tomllib

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.version import VERSION


def test_it_is_that_of_the_package() -> None:
    project = tomllib.loads((PACKAGE_FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION

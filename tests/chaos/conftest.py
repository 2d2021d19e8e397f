"""The test environment of the short part of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis.tests.chaos import environment as fields
from video_analysis.tests.chaos.environment import Field


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Field]:
    """Everything started and tried once; a module's tests share it. Skips where the clip or the weights are absent."""
    for path in (fields.CLIP, fields.WEIGHTS):
        if not path.is_file():
            pytest.skip(f"no {path}")
    with fields.prepared(tmp_path_factory.mktemp("chaos"), model_cache=model_cache) as field:
        yield field

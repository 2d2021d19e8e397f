"""The field of fire, for the short part of the suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from video_analysis.tests.chaos import environment as fields
from video_analysis.tests.chaos.environment import Field


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Everything started and tried once; a module's tests share it. Skips where the clip or the weights are absent."""
    for path in (fields.CLIP, fields.WEIGHTS):
        if not path.is_file():
            pytest.skip(f"no {path}")
    with fields.prepared(tmp_path_factory.mktemp("fire")) as field:
        yield field

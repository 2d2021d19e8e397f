"""The chaos environment, for the short part of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis.tests.chaos import environment
from video_analysis.tests.chaos.environment import ChaosEnvironment


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[ChaosEnvironment]:
    """A started environment with its reference run, shared by the tests of a module. Skips without clip or weights."""
    for path in (environment.CLIP, environment.WEIGHTS):
        if not path.is_file():
            pytest.skip(f"no {path}")
    with environment.started(tmp_path_factory.mktemp("chaos"), model_cache=model_cache) as started:
        yield started

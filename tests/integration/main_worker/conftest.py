"""The handler with a classifier of plain colours."""

from __future__ import annotations

import pytest

from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.tests.support import snapshot_stage
from video_analysis.tests.support.snapshot_stage import Stage


@pytest.fixture(scope="package")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return snapshot_stage.classifier_of_colours(tmp_path_factory.mktemp("colours"))


@pytest.fixture
def stage(colours: Classifier) -> Stage:
    return Stage(colours)

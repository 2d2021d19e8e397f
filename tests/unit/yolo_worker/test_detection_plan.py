"""Batch size and threads depend on the source."""

from __future__ import annotations

from typing import cast

import pytest

from video_analysis.worker_config import DetectorSettings
from video_analysis.worker_utils.inference.protocol import Network
from video_analysis.yolo_worker.detection.detector import DetectionPlan, Detector
from video_analysis.yolo_worker.types import SourceInfo


class TwoStreams:
    """The only part of a network that a plan needs."""

    streams = 2


def plan(info: SourceInfo, batch: int = 16) -> DetectionPlan:
    return Detector(cast("Network", TwoStreams()), {}, "weights", DetectorSettings(batch=batch)).plan(info)


@pytest.mark.parametrize(("is_live", "batch"), [(False, 16), (True, 1)])
def test_frames_of_a_live_source_do_not_wait_for_a_full_batch(is_live: bool, batch: int) -> None:
    announced = None if is_live else 900
    assert plan(SourceInfo(1280, 720, 40.0, announced, is_live)) == DetectionPlan(batch, 3)


def test_large_frames_reduce_batch_and_threads() -> None:
    assert plan(SourceInfo(8000, 8000, 40.0, 900, is_live=False)) == DetectionPlan(1, 2)

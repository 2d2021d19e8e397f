"""Colours of real photographs of known colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from video_analysis.main_worker.attributes.color import colors
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot


def as_main_worker_gets_it(path: Path) -> Image:
    return check_snapshot(encode_snapshot(np.asarray(cv2.imread(str(path)), np.uint8), 92), "image/jpeg")


@pytest.mark.slow
def test_photographs_are_named_better_than_the_peer_names_them(shared_data: Path) -> None:
    photographs = shared_data / "colour"
    if not photographs.is_dir():
        pytest.skip(f"no {photographs}")
    right = {}
    for folder in sorted(photographs.iterdir()):
        read = [colors(as_main_worker_gets_it(path)) for path in sorted(folder.glob("*.jpg"))]
        wanted = {"silver": {"Silver", "Gray"}}.get(folder.name, {folder.name.capitalize()})
        right[folder.name] = sum(bool(one) and one[0].base in wanted for one in read)
    assert sum(right[base] for base in ("black", "blue", "green", "red", "white", "yellow")) > 99
    assert sum(right.values()) >= 0.8 * 180

"""The INT8 export of a detector."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from video_analysis.demo import weights
from video_analysis.training import int8
from video_analysis.training.labelled_picture import LabelledPicture, Unlabelled
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.types import Frame, Image

SHAPE = 270, 480, 3


def picture() -> Image:
    return np.random.default_rng(3).integers(0, 256, SHAPE, np.uint8)


@pytest.fixture
def runtime(model_cache: Path) -> backend.Runtime:
    return backend.choose("openvino", 1, model_cache)


def load(detector: Path, runtime: backend.Runtime) -> Detector:
    return Detector.load(detector, runtime, WorkerConfig().detector.model_copy(update={"batch": 1}))


def test_the_demo_s_detector_runs_in_int8(runtime: backend.Runtime) -> None:
    traits = load(weights.DETECTOR, runtime).traits
    assert traits.precision == "i8"
    assert traits.weights == backend.sha256_of(weights.DETECTOR.with_name("demo_openvino_model"))


@pytest.mark.skipif(not importlib.util.find_spec("nncf"), reason="no nncf: pip install -r requirements-int8.txt")
@pytest.mark.slow
def test_an_export_is_found_beside_its_weights(runtime: backend.Runtime, tmp_path: Path) -> None:
    detector = Path(shutil.copy(weights.DETECTOR, tmp_path))
    assert load(detector, runtime).traits.precision != "i8"
    nothing = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    folder = int8.export(detector, [LabelledPicture(picture, *nothing, Unlabelled())], runtime.cache_dir)
    exported = load(detector, runtime)
    assert (exported.traits.precision, exported.traits.weights) == ("i8", backend.sha256_of(folder))
    assert len(list(exported.detect([Frame(0, 0, picture())]))) == 1


@pytest.mark.slow
def test_what_is_missing_is_named(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache", str(tmp_path / "cache"), "--shared-data"]
    assert int8.main([*cache, str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: has no pictures to calibrate on\n"
    if not int8.calibration_pictures(shared_data, 1):
        pytest.skip(f"no pictures in {shared_data}")
    assert int8.main([*cache, str(shared_data), "--weights", str(tmp_path / "absent.pt")]) == 2
    assert "absent.pt: not found; set --weights" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "nncf", None)
    assert int8.main([*cache, str(shared_data), "--pictures", "1"]) == 2
    assert capsys.readouterr().err == "nncf is not installed: pip install -r requirements-int8.txt\n"

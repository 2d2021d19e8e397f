"""Frames, detections and appearance vectors of a clip, computed once and kept in a folder.

Experiments with the tracker and the best-shot selection then need no decoding and no network. A stride takes every
n-th frame of the cache: the boxes of a frame do not depend on its neighbours. Delete the folder after a change of the
source or the detector: the files' names have a hash of the detector's weights and settings, and one of the embedder's
module.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.tracking import embedder
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embedding, Embeddings, Frame, Image, SourceInfo

NO_VECTORS: Embeddings = np.zeros((0, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class CachedClip:
    """Frames and boxes of a clip at stride 1."""

    info: SourceInfo
    offsets_ms: NDArray[np.int64]
    images: Sequence[Image]
    """May be mapped from a file, so that only what is used is read."""
    boxes: list[Boxes]

    def info_at(self, stride: int) -> SourceInfo:
        """Properties of the source at a stride."""
        return replace(self.info, interval_ms=self.info.interval_ms * stride)

    def detected(self, stride: int) -> Iterator[DetectedFrame]:
        """Every `stride`-th frame with its boxes."""
        for index in range(0, len(self.boxes), stride):
            yield DetectedFrame(Frame(index, int(self.offsets_ms[index]), self.images[index]), self.boxes[index])


class CachedEmbedder:
    """Appearance vectors by frame and box; the embedder from `load` computes the missing ones, kept until `save`."""

    def __init__(self, load: Callable[[], Embedder], path: Path) -> None:
        self._load_embedder = load
        self._path = path
        self._vectors: dict[bytes, Embedding] = {}
        self._saved = 0
        self._load()

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """D×N: one embedding per box."""
        keys = [_key(frame.index, box) for box in boxes]
        missing = [row for row, key in enumerate(keys) if key not in self._vectors]
        if missing:
            computed = self._load_embedder().embed(frame, boxes[missing])
            self._vectors |= zip([keys[row] for row in missing], computed, strict=True)
        return np.array([self._vectors[key] for key in keys], np.float32) if keys else NO_VECTORS

    @property
    def match_distance(self) -> float:
        """Of the network, which is loaded for it."""
        return self._load_embedder().match_distance

    def save(self) -> None:
        """Write the vectors, together with those that another process wrote meanwhile."""
        if len(self._vectors) == self._saved:
            return
        self._load()
        keys = np.frombuffer(b"".join(self._vectors), np.uint8).reshape(len(self._vectors), -1)
        _write(self._path, keys=keys, vectors=np.array([*self._vectors.values()], np.float32))
        self._saved = len(self._vectors)

    def _load(self) -> None:
        if self._path.is_file():
            with np.load(self._path) as stored:
                names = [key.tobytes() for key in stored["keys"]]
                self._vectors |= zip(names, stored["vectors"], strict=True)
            self._saved = len(names)


class Cache:
    """A folder with the frames, boxes and vectors of clips. The networks are loaded when they are first needed."""

    def __init__(self, folder: Path, config: WorkerConfig) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._config = config
        self._embedder: Embedder | None = None
        self._pipeline: VisionPipeline | None = None

    def clip(self, path: Path, name: str) -> CachedClip:
        """The clip's frames and boxes; decoded and detected if they are not cached."""
        images, found = self._folder / f"{name}.frames.raw", self.boxes(path, name)
        if not images.is_file():
            _decode(path, images)
        shape = (len(found.boxes), found.info.height_px, found.info.width_px, 3)
        return replace(found, images=[*np.asarray(np.memmap(images, np.uint8, "r", shape=shape))])

    def boxes(self, path: Path, name: str) -> CachedClip:
        """The clip's boxes, without frames; detected if they are not cached."""
        settings = json.dumps(self._config.detector.model_dump(exclude={"batch"}))
        weights = backend.sha256_of(self._config.path(self._config.yolo_weights))
        boxes = self._folder / f"{name}.boxes-{_hash(weights, settings)}.npz"
        if not boxes.is_file():
            self._detect(path, boxes)
        with np.load(boxes) as stored:
            info = SourceInfo(**json.loads(str(stored["info"])))
            splits = np.split(stored["boxes"], np.cumsum(stored["counts"])[:-1])
            return CachedClip(info, stored["offsets_ms"], (), splits)

    def embedder(self, name: str) -> CachedEmbedder:
        """The vectors of a clip by the configured appearance network."""
        code = hashlib.sha256(Path(embedder.__file__).read_bytes()).hexdigest()
        weights = embedder.BUNDLED_WEIGHTS if self._config.embedder == "appearance" else embedder.mobilenet_weights()
        key = _hash(code, backend.sha256_of(weights))
        return CachedEmbedder(self._embedding_network, self._folder / f"{name}.vectors-{key}.npz")

    def _embedding_network(self) -> Embedder:
        self._embedder = self._embedder or run_poller.embedder(self._config)
        return self._embedder

    def _detect(self, path: Path, boxes: Path) -> None:
        self._pipeline = self._pipeline or run_poller.pipeline(self._config)
        source = VideoFile(path, 1)
        info = source.info
        detected = self._pipeline.detect(source.frames(), info)
        found = [(seen.frame.offset_ms, seen.boxes) for seen in detected]
        _write(
            boxes,
            info=np.array(json.dumps(asdict(info))),
            offsets_ms=np.array([offset_ms for offset_ms, _ in found], np.int64),
            counts=np.array([len(rows) for _, rows in found], np.int64),
            boxes=np.concatenate([rows for _, rows in found]),
        )


def embed_all(clip: CachedClip, embedder: CachedEmbedder) -> None:
    """Compute the vectors of all boxes of a clip, and save them."""
    for frame in clip.detected(1):
        embedder.embed(frame.frame, frame.boxes)
    embedder.save()


def _decode(path: Path, target: Path) -> None:
    """Write all frames of a clip as raw bytes."""
    partial = target.with_name(f"partial-{os.getpid()}-{target.name}")
    with partial.open("wb") as written:
        for frame in VideoFile(path, 1).frames():
            written.write(frame.image.tobytes())
    partial.rename(target)


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    """Write an .npz under a temporary name first."""
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    np.savez(partial, **arrays)
    partial.rename(path)


def _key(frame: int, box: NDArray[np.float32]) -> bytes:
    return np.int64(frame).tobytes() + np.ascontiguousarray(box[:4], np.float32).tobytes()


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]

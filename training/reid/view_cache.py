"""Augmented views of the stored crops, already passed through the trunk: its weights do not change in training.

A view is computed once, by OpenVINO where it is installed, instead of in every step.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from video_analysis.training.reid import crops
from video_analysis.training.reid.appearance_augmentation import varied
from video_analysis.worker_utils.inference import preprocess
from video_analysis.worker_utils.inference.protocol import Network
from video_analysis.yolo_worker.tracking.appearance_network import SIDE_PX
from video_analysis.yolo_worker.tracking.embedder import NORMALISED

BATCH = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Trunk outputs of one shard, C crops in V views each."""

    means: NDArray[np.float32]
    """V×C×120."""
    maps: NDArray[np.float16]
    """V×C×64×6×6."""
    identities: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    exact: bool
    """See `crops.Shard`."""


def cached(folder: Path, shard: Path, trunk: Network, views: int, seed: int) -> Views:
    """The first `views` views of a shard; those that are not in `folder` are computed."""
    paths = [folder / f"{shard.parent.name}-{shard.stem}-{number}.npz" for number in range(views)]
    source = crops.read(shard)
    for number, path in enumerate(paths):
        if not path.is_file():
            _write(path, *_trunk_outputs(source, trunk, np.random.default_rng((seed, number, _mark(source.name)))))
    loaded = [np.load(path, allow_pickle=False) for path in paths]
    means = np.stack([part["means"] for part in loaded])
    maps = np.stack([part["maps"] for part in loaded])
    return Views(means, maps, source.identities, source.times_ms, source.exact)


def _mark(name: str) -> int:
    return zlib.crc32(name.encode())


def _trunk_outputs(
    shard: crops.Shard, trunk: Network, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    count = len(shard.images)
    means, maps = [], []
    for start in range(0, count, BATCH):
        stop = min(count, start + BATCH)
        batch = np.empty((stop - start, 3, SIDE_PX, SIDE_PX), np.float32)
        for row, target in zip(range(start, stop), batch, strict=True):
            in_front = np.asarray(shard.images[int(rng.integers(count))])
            preprocess.fill_chw(varied(rng, np.asarray(shard.images[row]), SIDE_PX, in_front), NORMALISED, target)
        pooled, features = trunk(batch)
        means.append(pooled)
        maps.append(features.astype(np.float16))
    return np.concatenate(means), np.concatenate(maps)


def _write(path: Path, means: NDArray[np.float32], maps: NDArray[np.float16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, means=means, maps=maps)
    unfinished.replace(path)

"""Training and validation samples of the main models: crops with stage 1's own letterbox and JPEG encoding."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from video_analysis.devstack.untrained_model import MEAN, STD, labels_of
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import OUTPUTS
from video_analysis.simulator.vehicles.fleet import hierarchy
from video_analysis.training.augmentation import drawn, relit, worn
from video_analysis.training.stills import Seen, Still
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot, letterbox

View = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""3×640×640 RGB, or 3×320×320 to learn from; and for each of OUTPUTS the place of the true name in the labels."""
LEARN_PX = 320


def labels(name: str) -> Labels:
    """The simulator's labels and hierarchy."""
    return labels_of(hierarchy(), name)


class SnapshotViews:
    """Snapshots: with a seed worn by chance and without end, to learn from; without one each as it is, to judge by.

    Those to learn from are letterboxed to LEARN_PX: the networks look more coarsely still (networks.LOOK_PX), and
    so four cost what one would.
    """

    def __init__(self, stills: Sequence[Still], named: Labels, seed: int | None = None) -> None:
        self._stills = stills
        self._named = named
        self._seed = seed
        self._quality = WorkerConfig().snapshot.jpeg_quality

    def __len__(self) -> int:
        """Of pictures that differ by more than chance."""
        return len(self._stills)

    def __getitem__(self, number: int) -> View:
        """Sample `number`."""
        still = self._stills[number if self._seed is None else drawn(self._seed, number, len(self._stills))]
        crop = still.image()
        if self._seed is not None:
            rng = np.random.default_rng((self._seed, 63, number))
            crop = worn(rng, relit(rng, crop))
            picture = letterbox(crop, LEARN_PX)
        else:
            picture = _as_stored(crop, self._quality)
        return np.ascontiguousarray(picture[:, :, ::-1].transpose(2, 0, 1)), self._answers(still.seen[0])

    def _answers(self, one: Seen) -> NDArray[np.int64]:
        """The true name's place in the labels, for each output."""
        return np.array([self._named.names[output].index(getattr(one, output)) for output in OUTPUTS])


def collated(views: list[View]) -> tuple[torch.Tensor, torch.Tensor]:
    """(N×3×H×W uint8, N×outputs places)."""
    pictures, answers = zip(*views, strict=True)
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(answers))


def normalised(pictures: torch.Tensor, device: torch.device) -> torch.Tensor:
    """What the worker hands to a checkpoint with these labels, on `device`."""
    mean, std = (torch.tensor(three, device=device).view(1, 3, 1, 1) for three in (MEAN, STD))
    scaled = pictures.to(device, non_blocking=True).float().div_(255)
    return ((scaled - mean) / std).contiguous(memory_format=torch.channels_last)


def _as_stored(crop: Image, quality: int) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(encode_snapshot(crop, quality), np.uint8), cv2.IMREAD_COLOR), np.uint8)

"""The detector's training and validation pictures, rendered and real, and its figures on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from video_analysis.training import detection_score, detector, real_pictures
from video_analysis.training.detector_views import Source
from video_analysis.training.hardware import Hardware
from video_analysis.training.labelled_picture import LABELS, LabelledPicture, of_still
from video_analysis.training.real_splits import VALIDATION_CAMERAS
from video_analysis.training.stills import Still

SHARES = {"rendered": 0.3, "stills": 0.45, "photographs": 0.25}
"""Of the training samples, where the real pictures are."""
SCENE_ZOOM, PHOTOGRAPH_ZOOM = (0.6, 2.0), (0.3, 1.0)
"""A photograph shows one near vehicle: it is made as small as a vehicle is in a scene."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorData:
    """Sources to train on, and pictures of the validation."""

    sources: Sequence[Source]
    rendered: Sequence[Still]
    real: Sequence[LabelledPicture]

    def facts(self) -> dict[str, object]:
        """What the network is trained on, for its report."""
        pictures = {f"{place}": _facts(source.pictures) for place, source in enumerate(self.sources)}
        return {
            "sources": dict(zip(SHARES, pictures.values(), strict=False)),
            "real_validation": {**_facts(self.real), "cameras": [*VALIDATION_CAMERAS]} if self.real else None,
        }


def collect(stills: Sequence[Still], unseen: Sequence[Still], data: Path | None) -> DetectorData:
    """Rendered pictures, and the real ones below `data` if it is given."""
    rendered = Source([of_still(still) for still in stills], SHARES["rendered"], SCENE_ZOOM)
    if data is None:
        return DetectorData([rendered], unseen, [])
    real = Source(real_pictures.training_stills(data), SHARES["stills"], SCENE_ZOOM, is_balanced=True)
    photographs = Source(
        real_pictures.training_photographs(data), SHARES["photographs"], PHOTOGRAPH_ZOOM, is_balanced=True
    )
    return DetectorData([rendered, real, photographs], unseen, real_pictures.validation_stills(data))


def figures(net: torch.nn.Module, data: DetectorData, hardware: Hardware, threads: int) -> dict[str, float]:
    """mAP50 on rendered frames; on real stills of all types as one, and the mean over the labels."""
    found = {"map50": round(detector.judge(net, data.rendered, hardware, threads), 4)}
    if data.real:
        boxes = detector.detections(net, [picture.read for picture in data.real], hardware, threads)
        real = detection_score.score(boxes, data.real)
        found |= {"real_map50_of_one_type": real.map50_of_one_type, "real_map50": real.map50}
    return found


def _facts(pictures: Sequence[LabelledPicture]) -> dict[str, object]:
    counts = Counter("/".join(LABELS[label]) for one in pictures for label in one.labels.tolist())
    return {"pictures": len(pictures), "boxes": dict(counts.most_common()), "sha256": _digest(pictures)}


def _digest(pictures: Iterable[LabelledPicture]) -> str:
    """Hash of the boxes and labels."""
    digest = hashlib.sha256()
    for one in pictures:
        digest.update(one.boxes.tobytes() + one.labels.tobytes())
    return digest.hexdigest()[:16]

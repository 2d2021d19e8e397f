"""Real vehicles to train on: tracklets of clips, and the vehicles of stills. Only sources whose licence permits it.

Clips and pictures without a licence, or under the GPL, are for evaluation only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from video_analysis.training import yolo_labels
from video_analysis.training.reid import crops
from video_analysis.training.reid.crops import Crop
from video_analysis.training.reid.tracklets import unambiguous_tracklets
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.source.video_file import VideoFile

CLIPS = (
    "video/residential_road_640x352_905f.mp4",
    "video/overhead_multilane_dusk_640x360.mp4",
    "video/opendatacam_dusk_junction.mp4",
    "mot/jakarta_seqA/video.mp4",
)
"""Under the MIT licence."""
STILLS = {
    "pictures/sg_lta_cctv/train": 12,
    "pictures/vehicles_openimages_627/train": 30,
    "pictures/vehicles_openimages_627/valid": 30,
}
"""Folders with images/ and labels/ (YOLO), and pictures per shard. Singapore Open Data Licence; CC BY 4.0."""
VEHICLE_CROPS = "pictures/zenodo_6634554_tiny_vehicles/images"
"""Folders of single vehicles by type. CC BY 4.0."""
CROPS_PER_SHARD = 120
KEPT_INTERVAL_MS = 160
SHORTEST_MS = 500
"""Tracklets shorter than this are left out."""
LEAST_PX = 18


def shards(folder: Path, data: Path, detector: Detector) -> list[Path]:
    """The shards of all sources under `data`; those that are missing are made."""
    made = [_clip(folder, data / name, detector) for name in CLIPS]
    for name, per_shard in STILLS.items():
        made += _stills(folder, data / name, per_shard)
    return [*made, *_single_vehicles(folder, data / VEHICLE_CROPS)]


def _clip(folder: Path, clip: Path, detector: Detector) -> Path:
    path = folder / "clips" / f"{clip.stem if clip.stem != 'video' else clip.parent.name}.json"
    if not path.is_file():
        crops.write(path, list(tracklet_crops(clip, detector)), exact=False)
    return path


def tracklet_crops(clip: Path, detector: Detector) -> Iterator[Crop]:
    """A crop every 160 ms of each tracklet of at least 500 ms."""
    source = VideoFile(clip, 1)
    detected = list(detector.detect(source.frames(), detector.plan(source.info)))
    links = unambiguous_tracklets([one.boxes for one in detected])
    spans: dict[int, list[int]] = {}
    for link in links:
        spans.setdefault(link.tracklet, []).append(detected[link.frame].frame.offset_ms)
    kept_ms: dict[int, int] = {}
    for link in links:
        frame, times = detected[link.frame].frame, spans[link.tracklet]
        if times[-1] - times[0] < SHORTEST_MS or frame.offset_ms - kept_ms.get(link.tracklet, -9999) < KEPT_INTERVAL_MS:
            continue
        kept_ms[link.tracklet] = frame.offset_ms
        x1, y1, x2, y2 = detected[link.frame].boxes[link.row, :4].tolist()
        if min(x2 - x1, y2 - y1) >= LEAST_PX:
            yield Crop(crops.cut(frame.image, (x1, y1, x2, y2)), link.tracklet, frame.offset_ms)


def _stills(folder: Path, source: Path, per_shard: int) -> Iterator[Path]:
    """Each labelled box is an identity of its own."""
    pictures = sorted((source / "images").iterdir())
    for number, start in enumerate(range(0, len(pictures), per_shard)):
        path = folder / "stills" / f"{source.parent.name}-{source.name}-{number:03d}.json"
        if not path.is_file():
            found = [crop for picture in pictures[start : start + per_shard] for crop in _boxes(picture)]
            crops.write(path, _numbered(found), exact=True)
        yield path


def _boxes(picture: Path) -> Iterator[Image]:
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    file = yolo_labels.file_of(picture)
    for _, box in yolo_labels.boxes(file, image.shape) if file.is_file() else ():
        if min(box[2] - box[0], box[3] - box[1]) >= LEAST_PX:
            yield crops.cut(image, box)


def _single_vehicles(folder: Path, source: Path) -> Iterator[Path]:
    """Pictures that show one vehicle each, of one type per shard, in a random order: neighbours may be one vehicle."""
    for kind in sorted(source.iterdir()):
        pictures = sorted(kind.iterdir())
        order = np.random.default_rng(len(pictures)).permutation(len(pictures))
        for number, start in enumerate(range(0, len(order), CROPS_PER_SHARD)):
            path = folder / "stills" / f"{kind.name}-{number:03d}.json"
            if not path.is_file():
                found = [_inner(pictures[place]) for place in order[start : start + CROPS_PER_SHARD]]
                crops.write(path, _numbered(found), exact=True)
            yield path


def _inner(picture: Path) -> Image:
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    height, width = image.shape[:2]
    share = crops.MARGIN / (1 + 2 * crops.MARGIN)
    return crops.cut(image, (width * share, height * share, width * (1 - share), height * (1 - share)))


def _numbered(images: Sequence[Image]) -> list[Crop]:
    return [Crop(image, number, 0) for number, image in enumerate(images)]

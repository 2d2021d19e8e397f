"""Training data from the simulator, rendered by several processes into shards, each only once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from video_analysis.simulator.close_ups import close_ups, far_apart_frames
from video_analysis.training import parallel, stills
from video_analysis.training.ground_truth_filter import is_required
from video_analysis.training.splits import GENERATORS, Split
from video_analysis.training.stills import Seen, Still
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.imaging.crop import crop_with_margin
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

Kind = Literal["frames", "crops"]
PER_SHARD: dict[Kind, int] = {"frames": 48, "crops": 240}
"""Of frames: four scenes of twelve."""
BOX_ERROR = 0.025
"""Standard deviation of a detected box's sides, as a share of the box: as close_ups has it."""
MARGIN = WorkerConfig().snapshot.crop_margin
CROPS_PER_STAGE = 40
MOST_STAGES = 6
FRAME_QUALITY = (45, 90)
"""JPEG qualities between which frames are written: cameras' codecs leave no fewer traces."""
CROP_QUALITY = 95
"""close_ups applies a camera codec already."""

log = logging.getLogger(__name__)


def material(folder: Path, kind: Kind, split: Split, count: int, processes: int) -> list[Still]:
    """The first `count` pictures of a split; those that are not in `folder` are rendered, each shard from its seed."""
    shards = list(_shards(folder / f"{kind}-{world_mark()}" / split, kind, split, count))
    missing = [shard for shard in shards if not shard[0].is_file()]
    if missing:
        log.info("%s (%s): %d of %d shards to render", kind, split, len(missing), len(shards))
    jobs = [(kind, *shard) for shard in missing]
    for done, index in enumerate(parallel.results(render, jobs, processes), start=1):
        log.info("%s (%s): %s, %d of %d", kind, split, index.stem, done, len(missing))
    return [still for index, _, _ in shards for still in stills.read(index)]


def cut_out(folder: Path, split: Split, frames: int, processes: int) -> list[Still]:
    """The vehicles of the first `frames` frames of a split, each cut out as stage 1 cuts a snapshot.

    Close-ups are drawn evenly; these are as small, as hidden and as unevenly spread as those that a camera sees.
    """
    material(folder, "frames", split, frames, processes)
    source, target = (folder / f"{kind}-{world_mark()}" / split for kind in ("frames", "cuts"))
    cut: list[Still] = []
    for index, seed, _ in _shards(source, "frames", split, frames):
        if not (target / index.name).is_file():
            stills.write(target / index.name, _cuts(stills.read(index), np.random.default_rng((seed, 52))))
        cut += stills.read(target / index.name)
    return cut


@cache
def world_mark() -> str:
    """Hash of the simulator's sources: pictures of another version of the simulator are not reused."""
    digest = hashlib.sha256()
    for source in sorted((PACKAGE_FOLDER / "simulator").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:8]


def render(kind: Kind, index: Path, seed: int, count: int) -> Path:
    """Render one shard."""
    pictures = _frames(seed) if kind == "frames" else _crops(seed, count)
    stills.write(index, islice(pictures, count))
    return index


def _shards(folder: Path, kind: Kind, split: Split, count: int) -> Iterator[tuple[Path, int, int]]:
    """(file, generator seed, pictures in it) of each shard."""
    for number, seed in zip(range(0, count, PER_SHARD[kind]), GENERATORS[split], strict=False):
        length = min(PER_SHARD[kind], count - number)
        yield folder / f"{seed:06d}_{length:03d}.json", seed, length


def _frames(seed: int) -> Iterator[tuple[bytes, list[Seen]]]:
    qualities = np.random.default_rng((seed, 51))
    for picture in far_apart_frames(seed):
        data = encode_jpeg(picture.image, int(qualities.integers(*FRAME_QUALITY)))
        yield data, [Seen.of(vehicle) for vehicle in picture.truth.vehicles]


def _cuts(frames: Iterable[Still], rng: np.random.Generator) -> Iterator[tuple[bytes, list[Seen]]]:
    for frame in frames:
        image = frame.image()
        for one in filter(is_required, frame.seen):
            x1, y1, x2, y2 = one.box
            off = rng.normal(0, BOX_ERROR, 4) * np.tile([x2 - x1, y2 - y1], 2)
            left, top, right, bottom = (float(side) for side in one.box + off)
            cut = crop_with_margin(image, (left, top, right, bottom), MARGIN)
            height, width = cut.shape[:2]
            yield encode_jpeg(cut, CROP_QUALITY), [replace(one, box=(0, 0, width, height))]


def _crops(seed: int, count: int) -> Iterator[tuple[bytes, list[Seen]]]:
    stages = min(MOST_STAGES, max(1, count // CROPS_PER_STAGE))
    for crop in close_ups(seed, stages=stages):
        yield encode_jpeg(crop.image, CROP_QUALITY), [Seen.of(crop.truth)]

"""Identities from the simulator: every vehicle of a scene, cut out at several times as a detector would cut it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from video_analysis.simulator.close_ups import SCENES_PER_SEED
from video_analysis.simulator.scene import Picture, Scene
from video_analysis.training import parallel
from video_analysis.training.reid import crops
from video_analysis.training.reid.crops import Crop
from video_analysis.training.rendering import world_mark
from video_analysis.training.splits import GENERATORS, Split
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

FRAMES = 14
INTERVAL_S = 0.6
VEHICLES_PER_FRAME = 9.0
SCALES = (1.0, 0.75, 0.5)
"""Of 1280×720, one per scene: real footage is often smaller."""
QUALITY = (35, 90)
"""JPEG qualities, one per frame."""
LEAST_PX, LEAST_VISIBLE = 18, 0.4
BOX_ERROR = 0.03
"""Standard deviation of a detected box's sides, as a share of the box."""
FIRST_SCENE = 70_000
"""Of each generator seed: no other training data uses scenes from here on."""


def shards(folder: Path, split: Split, scenes: int, processes: int) -> list[Path]:
    """The shards of the first `scenes` scenes of a split; those that are missing are rendered."""
    seeds = [seed * SCENES_PER_SEED + FIRST_SCENE for seed in GENERATORS[split][:scenes]]
    paths = [folder / f"simulated-{world_mark()}" / split / f"{seed:010d}.json" for seed in seeds]
    jobs = [(path, seed) for path, seed in zip(paths, seeds, strict=True) if not path.is_file()]
    for _ in parallel.results(render, jobs, processes):
        pass
    return paths


def render(path: Path, seed: int) -> None:
    """Render one scene and write its crops."""
    scene = Scene.from_seed(seed, vehicles_per_frame=VEHICLES_PER_FRAME)
    rng = np.random.default_rng((seed, 71))
    scale = float(rng.choice(SCALES))
    found: list[Crop] = []
    for _ in range(FRAMES):
        found += _crops(scene.frame(), scale, rng)
        scene.skip(INTERVAL_S)
    crops.write(path, found, exact=True)


def _crops(picture: Picture, scale: float, rng: np.random.Generator) -> Iterator[Crop]:
    image = _recorded(picture.image, scale, int(rng.integers(*QUALITY)))
    for one in picture.truth.vehicles:
        x1, y1, x2, y2 = (side * scale for side in one.box)
        if min(x2 - x1, y2 - y1) < LEAST_PX or one.visible_fraction < LEAST_VISIBLE:
            continue
        off = rng.normal(0, BOX_ERROR, 4) * np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
        box = (x1 + float(off[0]), y1 + float(off[1]), x2 + float(off[2]), y2 + float(off[3]))
        yield Crop(crops.cut(image, box), one.id, picture.truth.offset_ms)


def _recorded(image: Image, scale: float, quality: int) -> Image:
    """The frame at another size, compressed."""
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.imdecode(np.frombuffer(encode_jpeg(image, quality), np.uint8), cv2.IMREAD_COLOR), np.uint8)

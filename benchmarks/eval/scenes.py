"""The evaluation's scenes and their clips, which are rendered once by several processes and kept.

20 scenes of 20 s at 15 frames/s are 6,000 frames, which take about eight minutes to render on two cores. Each stride
is run separately, as in the worker: 1 + 1/3 + 1/6 passes are 9,000 frames of about 0.2 s each, or 30 minutes.
Detections of one stride are not reused for another, since the worker does not do that either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from video_analysis.simulator.cameras import CAMERAS
from video_analysis.simulator.clip import truth_path, write_clip
from video_analysis.simulator.rendering.lighting import LIGHTS, WEATHERS, Light, Weather
from video_analysis.simulator.scene import Scene
from video_analysis.training import parallel
from video_analysis.training.splits import EVALUATION_SCENES

FPS = 15
FIRST_SEED = EVALUATION_SCENES.start + 20_001
VEHICLES_PER_FRAME = (8.0, 6.0, 10.0)
"""Density of the first, second and third scene with the same light and weather."""


@dataclass(frozen=True, slots=True)
class EvaluationScene:
    """A scene of the evaluation."""

    seed: int
    light: Light
    weather: Weather
    camera: str
    vehicles_per_frame: float

    def clip(self, folder: Path, seconds: float) -> Path:
        """The path of its video; its truth is in the same folder."""
        look = f"{self.light}_{self.weather}_{self.camera}_{self.vehicles_per_frame:g}"
        return folder / f"{self.seed}_{look}_{seconds:g}s_{FPS}fps.mp4"


def _listed() -> tuple[EvaluationScene, ...]:
    """All combinations of light and weather, three times; the camera changes with every scene."""
    kinds = [
        (density, light, weather) for density in VEHICLES_PER_FRAME for light, weather in product(LIGHTS, WEATHERS)
    ]
    cameras = list(CAMERAS)
    return tuple(
        EvaluationScene(FIRST_SEED + number, light, weather, cameras[number % len(cameras)], density)
        for number, (density, light, weather) in enumerate(kinds)
    )


SCENES = _listed()[:20]
"""The first nine have every light and weather."""


def clips(scenes: Sequence[EvaluationScene], folder: Path, seconds: float, processes: int | None = None) -> list[Path]:
    """The scenes' clips; missing ones are rendered into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [scene for scene in scenes if not scene.clip(folder, seconds).is_file()]
    processes = min(processes or len(os.sched_getaffinity(0)), len(missing))
    jobs = [(scene, folder, seconds) for scene in missing]
    for done, clip in enumerate(parallel.results(render, jobs, processes), start=1):
        print(f"rendered {clip.stem}, {done} of {len(missing)}", flush=True)
    return [scene.clip(folder, seconds) for scene in scenes]


def render(scene: EvaluationScene, folder: Path, seconds: float) -> Path:
    """Render one clip under a temporary name; it is renamed when it is complete, after its truth."""
    clip = scene.clip(folder, seconds)
    partial = clip.with_name(f"partial-{os.getpid()}-{clip.name}")
    drawn = Scene.from_seed(
        scene.seed,
        light=scene.light,
        weather=scene.weather,
        camera=scene.camera,
        vehicles_per_frame=scene.vehicles_per_frame,
        fps=FPS,
    )
    try:
        write_clip(drawn, seconds, partial)
        truth_path(partial).rename(truth_path(clip))
        partial.rename(clip)
    finally:
        for left in (partial, truth_path(partial)):
            left.unlink(missing_ok=True)
    return clip

"""Which scenes are looked at, and their clips: rendered once, by several processes, and kept for the next time.

20 scenes of 20 s at 15 frames/s are 6,000 frames: about eight minutes to render on two cores. Each stride is run by
itself, as a worker would, though stride 3 looks at frames that stride 1 has seen: 1 + 1/3 + 1/6 passes are 9,000
frames, at about 0.2 s each some 30 minutes more. Detections kept from one stride for another would save a third of
that and measure a short cut instead of the worker.
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
"""Of the first, second and third scene in the same light and weather."""


@dataclass(frozen=True, slots=True)
class EvaluationScene:
    """A scene that is looked at."""

    seed: int
    light: Light
    weather: Weather
    camera: str
    vehicles_per_frame: float

    def clip(self, folder: Path, seconds: float) -> Path:
        """Where its video lies; its truth is beside it."""
        look = f"{self.light}_{self.weather}_{self.camera}_{self.vehicles_per_frame:g}"
        return folder / f"{self.seed}_{look}_{seconds:g}s_{FPS}fps.mp4"


def _listed() -> tuple[EvaluationScene, ...]:
    """Each light in each weather, again and again; the camera moves on with every scene, so that all five come up."""
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
    """The scenes' clips, those that are not in `folder` rendered into it."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [scene for scene in scenes if not scene.clip(folder, seconds).is_file()]
    processes = min(processes or len(os.sched_getaffinity(0)), len(missing))
    jobs = [(scene, folder, seconds) for scene in missing]
    for done, clip in enumerate(parallel.results(render, jobs, processes), start=1):
        print(f"rendered {clip.stem}, {done} of {len(missing)}", flush=True)
    return [scene.clip(folder, seconds) for scene in scenes]


def render(scene: EvaluationScene, folder: Path, seconds: float) -> Path:
    """Render one clip. It appears under its name when it is whole, after its truth."""
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

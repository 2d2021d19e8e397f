"""Render a clip of the traffic world: python -m video_analysis.simulator --seed 7 --seconds 20 --out clip.mp4."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from video_analysis.simulator.cameras import CAMERAS
from video_analysis.simulator.clip import truth_path, write_clip
from video_analysis.simulator.rendering.lighting import LIGHTS, WEATHERS
from video_analysis.simulator.scene import Scene


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and write the clip; 0 when it lies there, 2 when it cannot be."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    started = time.perf_counter()
    try:
        scene = Scene.from_seed(
            options.seed,
            weather=options.weather,
            light=options.light,
            camera=options.camera,
            vehicles_per_frame=options.vehicles_per_frame,
            fps=options.fps,
        )
        frames = write_clip(scene, options.seconds, options.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    took, facts = time.perf_counter() - started, scene.facts
    print(f"{options.out}: {frames} frames in {took:.1f} s; {facts.light}, {facts.weather}, camera {facts.camera}")
    print(f"{truth_path(options.out)}: the truth, a line a frame")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="says everything that is not given")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, required=True, help="the video, .mp4; its truth lies beside it")
    parser.add_argument("--weather", choices=WEATHERS)
    parser.add_argument("--light", choices=LIGHTS)
    parser.add_argument("--camera", choices=list(CAMERAS))
    parser.add_argument("--vehicles-per-frame", type=float, help="roughly; those of 20 px height and more")
    parser.add_argument("--fps", type=int, default=15)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""Track and score cached detections: python -m video_analysis.benchmarks.truth.offline --help.

Runs the workers' own tracker and best-shot selection in this process, and prints covered, missed, duplicate and false
snapshots and wrong merges per clip and stride: for real clips, or with --simulator for scenes of `make eval` with true
boxes. The first run decodes, detects and embeds; the next ones take seconds. Start it with OPENBLAS_NUM_THREADS=1, as
the workers' units do.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from video_analysis.benchmarks.eval import scenes, tracking
from video_analysis.benchmarks.eval.tracking import Tracking
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.truth import material, scorer, table, tracked
from video_analysis.benchmarks.truth.detections import Cache, embed_all
from video_analysis.benchmarks.truth.material import Material
from video_analysis.demo import weights
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

OUT = PACKAGE_FOLDER / "out"
STRIDES = (1, 3, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 2 if a clip or the detector is missing."""
    options = _options(arguments)
    known = material.real_clips(options.data)
    chosen = options.clips or [path.stem for path in material.true_clips(options.data)]
    detector = options.weights or (weights.DETECTOR if options.simulator else DATA / COCO_WEIGHTS)
    if not options.simulator and not (chosen and set(chosen) <= known.keys() and detector.is_file()):
        print(f"no clips {chosen}, or no {detector}; known are {', '.join(known)}", file=sys.stderr)
        return 2
    config = WorkerConfig(yolo_weights=detector.resolve())
    cache, chosen_scenes = Cache(options.cache, config), scenes.SCENES[: options.simulator]
    clips = (
        material.simulated(cache, chosen_scenes, options.seconds, options.scenes, detect=options.detect)
        if options.simulator
        else material.real(cache, options.data, {name: known[name] for name in chosen})
    )
    _report(clips, options, config)
    return 0


def _report(clips: Iterable[Material], options: argparse.Namespace, config: WorkerConfig) -> None:
    """Print a line per clip and stride, and a total per stride."""
    totals: dict[int, Counter[str]] = {stride: Counter() for stride in options.strides}
    identities: dict[int, Tracking] = {stride: tracking.nothing() for stride in options.strides}
    print(table.HEAD)
    for clip in clips:
        if options.all_vectors:
            embed_all(clip.clip, clip.embedder)
        for stride in options.strides:
            result = tracked.track(clip.clip, clip.embedder, stride, config)
            if clip.truth is None:
                print(table.unscored(clip.name, stride, len(result.shots)), flush=True)
                continue
            found = scorer.score(clip.truth, result.snapshots, result.tracks)
            totals[stride] += found.counts
            identities[stride] += clip.identities(result.tracks, stride)
            ids = f"\n    {table.details(found)}" if options.details else ""
            print(table.line(clip.name, stride, found.counts) + ids, flush=True)
        clip.embedder.save()
    for stride, counts in totals.items():
        idf1 = f", idf1 {identities[stride].mot.idf1():.3f}" if options.simulator else ""
        print(table.total(stride, counts) + idf1)


def strides(text: str) -> list[int]:
    """Strides of the command line. ValueError if one is below 1."""
    found = [int(word) for word in text.split(",")]
    if min(found) < 1:
        raise ValueError(text)
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="*", metavar="NAME", help="default: every clip with a truth")
    parser.add_argument(
        "--simulator", type=int, default=0, metavar="N", help="the first N scenes of `make eval` instead"
    )
    parser.add_argument("--detect", action="store_true", help="with --simulator: a detector instead of true boxes")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each scene")
    parser.add_argument("--strides", type=strides, default=STRIDES, help="default: 1,3,10")
    parser.add_argument("--details", action="store_true", help="ids of missed, doubled, false and merged ones")
    parser.add_argument("--all-vectors", action="store_true", help="compute the vectors of all boxes first")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--weights", type=Path, help="default: YOLOv8n of ../shared/data, for scenes the demo's")
    parser.add_argument("--cache", type=Path, default=OUT / "truth" / "cache")
    parser.add_argument("--scenes", type=Path, default=OUT / "eval", help="folder of rendered scenes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""Measure both workers: `make eval`, or python -m video_analysis.benchmarks.eval --help.

On real pictures and clips, if they are available (stills and vehicles of cameras that neither detector nor main models
were trained on), and on held-out synthetic scenes.

Prints a table of targets and figures, and writes out/eval.json: all figures by stride, light, weather, camera and
scene, and each missed, duplicate or misclassified vehicle with its time and reason.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2

from video_analysis.benchmarks.eval import (
    contact,
    real_clips,
    real_photographs,
    real_sequences,
    real_stills,
    report,
    scenes,
    table,
    true_detections,
    truth,
)
from video_analysis.benchmarks.eval.figures import Sample
from video_analysis.benchmarks.eval.outcomes import SceneOutcome, judge
from video_analysis.benchmarks.eval.stage_one import StageOne
from video_analysis.benchmarks.eval.stage_two import StageTwo
from video_analysis.benchmarks.main_model import material, measurement
from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.training.ground_truth_filter import true_boxes
from video_analysis.training.rendering import world_mark
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker import run_key

OUT = PACKAGE_FOLDER / "out"
STRIDES = (1, 3, 6)
SAMPLED = 5
"""The detector's precision is measured on every fifth frame."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the figures are written, 2 if weights are missing."""
    options = _options(arguments)
    missing = [path for path in (options.weights, options.baseline, options.cmt) if not path.is_file()]
    if missing:
        print(f"{', '.join(map(str, missing))}: not found. `make train` makes the demo's weights.", file=sys.stderr)
        return 2
    started = time.monotonic()
    config = WorkerConfig(
        yolo_weights=options.weights.resolve(),
        run_mode="compare",
        baseline_checkpoint=options.baseline.resolve(),
        cmt_checkpoint=options.cmt.resolve(),
        cache_dir=options.networks.resolve(),
    )
    chosen = scenes.SCENES[: options.scenes]
    try:
        first, second = StageOne(config), StageTwo(config)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.touch()
    except (ConfigurationError, OSError, EOFError) as error:
        print(f"make eval cannot start: {error or 'an empty file'}", file=sys.stderr)
        return 2
    clips = scenes.clips(chosen, options.cache / f"clips-{world_mark()}", options.seconds, options.processes)
    document = _evaluated(first, second, clips, options)
    document |= _real(options.data, config, first)
    document["single_vehicles"] = measurement.measure(
        second.models, options.data, options.cache, options.vehicles, config.batch_size
    )
    document |= {
        "world": world_mark(),
        "traits": run_key.pipeline_fields(first.pipeline.traits()),
        "checkpoints": second.checkpoints,
    }
    document["seconds"] = round(time.monotonic() - started, 1)
    options.out.write_text(json.dumps(document, indent=1, default=str) + "\n", "utf-8")
    print(f"{table.table(document)}\n{options.out}: written after {document['seconds']:.0f} s")
    return 0


def _real(data: Path, config: WorkerConfig, first: StageOne) -> dict[str, object]:
    """The figures of real pictures and clips; or for each kind why there are none."""
    return {
        "real_stills": real_stills.measure(data, config),
        "real_clips": real_clips.measure(data, first),
        "real_photographs": {
            "colours": real_photographs.colours(data),
            "plates": real_photographs.read_plates(data, backend.configured(config)),
        },
        "jakarta": real_sequences.measure(data, config),
    }


def _evaluated(
    first: StageOne, second: StageTwo, clips: Sequence[Path], options: argparse.Namespace
) -> dict[str, object]:
    outcomes: list[SceneOutcome] = []
    samples: dict[int, list[Sample]] = {}
    headline = report.headline(options.strides)
    for number, clip in enumerate(clips, start=1):
        true = truth.read(clip)
        seen = first.detections(clip, SAMPLED)
        samples[true.facts.seed] = [(boxes, true_boxes(true.frames[index])) for index, boxes in seen]
        for stride in options.strides:
            started = time.monotonic()
            result = first.process(
                clip, stride, partial(true_detections.detect, truth=true) if options.true_boxes else None
            )
            read = second.read(
                result.shots, no_plates=None if stride == headline else f"read at stride {headline} only"
            )
            outcomes.append(judge(true, result, read))
            print(
                f"{clip.stem} ({number} of {len(clips)}), stride {stride}: {len(result.shots)} snapshots of "
                f"{len(true.counted)} vehicles, {time.monotonic() - started:.1f} s",
                flush=True,
            )
            if true.facts.seed in options.look:
                cv2.imwrite(str(options.cache / f"{clip.stem}_stride{stride}.png"), contact.sheet(true, result, read))
    return report.document(outcomes, samples)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.eval", description=__doc__)
    parser.add_argument("--weights", type=Path, default=weights.DETECTOR)
    parser.add_argument("--baseline", type=Path, default=weights.BASELINE)
    parser.add_argument("--cmt", type=Path, default=weights.CMT)
    parser.add_argument("--scenes", type=int, default=len(scenes.SCENES), help="number of scenes")
    parser.add_argument(
        "--vehicles", type=int, default=material.SYNTHETIC, help="number of synthetic vehicles for the main models"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each clip")
    parser.add_argument("--strides", type=int, nargs="+", default=STRIDES)
    parser.add_argument("--look", type=int, nargs="*", default=(), metavar="SEED", help="write these contact sheets")
    parser.add_argument(
        "--true-boxes", action="store_true", help="use true boxes as detections, to measure the tracker alone"
    )
    parser.add_argument("--out", type=Path, default=OUT / "eval.json")
    parser.add_argument("--cache", type=Path, default=OUT / "eval", help="folder for clips and contact sheets")
    parser.add_argument(
        "--networks", type=Path, default=WorkerConfig().path(WorkerConfig().cache_dir), help="converted networks"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real pictures and sequences, if any")
    parser.add_argument("--processes", type=int, help="processes for rendering; default: one per core")
    options = parser.parse_args(arguments)
    if min(options.scenes, *options.strides) < 1 or not 0 < options.seconds < math.inf:
        parser.error("--scenes and --strides are at least 1, --seconds is more than 0")
    options.strides = list(dict.fromkeys(options.strides))
    return options


if __name__ == "__main__":
    sys.exit(main())

"""How well the open-set score finds vehicles of a make that was left out of the training.

    python -m video_analysis.training.leave_one_out --makes Ford Yamaha --minutes 4

For each make a network of its own is trained, for a short time. Its scores of rendered vehicles of that make, and of
all others, are compared on the validation close-ups with camera degradation and without: AUROC, 0.5 is chance.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from video_analysis.benchmarks.main_model.figures import auroc
from video_analysis.benchmarks.real_data import DATA
from video_analysis.training import main_model, trunk_cache
from video_analysis.training.hardware import Hardware
from video_analysis.training.main_model_pipeline import (
    calibration_sets,
    found_material,
    learning_views,
    network,
    plan_for,
    predicted,
)
from video_analysis.training.mixed_views import collated
from video_analysis.training.snapshot_views import labels
from video_analysis.training.train_loop import train
from video_analysis.training.train_pipeline import TrainingOptions, checkpoint_path
from video_analysis.training.verdict_calibration import scores
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.inference import backend


def measure(make: str, variant: str, options: TrainingOptions, hardware: Hardware) -> dict[str, float]:
    """AUROC of the known makes against `make`: with camera degradation, without, and both together."""
    source, named = found_material(options), labels(f"demo-{variant}")
    left_out = named.makes.index(make)
    net = network(variant, named, options.seed)
    trunk = trunk_cache.compiled_trunk(net, options.work / "cache", options.processes)
    views = learning_views(source, named, trunk, options, left_out)
    plan = replace(plan_for(variant, options, hardware), name=f"{variant}-without-{make}")
    checkpoint = checkpoint_path(net.tail, plan, options, views.mark)
    net.tail = train(net.tail, views, collated, main_model.loss_of(hardware), plan, hardware, checkpoint).average
    clean, degraded, _ = calibration_sets(source, named)
    found = {}
    seen = {one.name: predicted(net, one, trunk, options) for one in (clean, degraded)}
    seen["both"] = seen[clean.name].joined(seen[degraded.name])
    for name, some in seen.items():
        values, is_left_out = scores(some), some.answers("make") == left_out
        found[name] = auroc(values[~is_left_out], values[is_left_out])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the figures."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    backend.configure_environment(options.work / "cache", options.threads)
    run_options = TrainingOptions(
        work=options.work,
        frames=0,
        crops=options.images,
        minutes=options.minutes,
        processes=1,
        data=options.shared_data,
        frames_cut={"train": options.frames, "validation": 0},
    )
    makes = options.makes or labels("demo").makes
    found = {make: measure(make, options.variant, run_options, Hardware.found("cpu")) for make in makes}
    mean = {name: round(float(np.mean([of[name] for of in found.values()])), 4) for name in next(iter(found.values()))}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(
        json.dumps({"mean": mean, "minutes": options.minutes, "makes": found}, indent=1) + "\n", "utf-8"
    )
    print(json.dumps(found | {"mean": mean}, indent=1))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.training.leave_one_out", description=__doc__)
    parser.add_argument("--makes", nargs="+", choices=labels("demo").makes, metavar="MAKE", help="default: all")
    parser.add_argument("--variant", choices=("baseline", "cmt"), default="baseline")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training per make")
    parser.add_argument("--images", type=int, default=9_600, help="close-ups to train on")
    parser.add_argument("--frames", type=int, default=0, help="frames whose vehicles are trained on as well")
    parser.add_argument("--shared-data", type=Path, default=DATA, help="folder of the real pictures")
    parser.add_argument("--work", type=Path, default=PACKAGE_FOLDER / "out" / "training")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; 0: one for each core")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "leave_one_out.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""The command line's part of a training on a user's own snapshots."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from video_analysis.demo import weights
from video_analysis.training.hardware import Hardware, spare_cores
from video_analysis.training.own.fine_tuning import OwnData, fine_tune
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.train_pipeline import TrainingOptions
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError

BUNDLE = PACKAGE_FOLDER / "main_worker" / "bundle"
OUT = PACKAGE_FOLDER / "out" / "own"


def run(options: argparse.Namespace) -> int:
    """0 when the new model is written and checked, 2 if labels, pictures or the current model cannot be used."""
    variant: Variant = options.only or "baseline"
    path = (options.out or OUT) / f"{variant}.pt"
    data = OwnData(options.data, options.labels, options.start or current(variant), options.name or f"own-{variant}")
    try:
        if path.resolve() == data.current.resolve():
            raise ConfigurationError(f"{path} is the current model; name another folder with --out")
        lines = fine_tune(variant, path, data, _training(options), Hardware.found(options.device))
    except (LabelError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print(*lines, sep="\n")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, the worker accepts it; figures in {path.stem}.json")
    return 0


def current(variant: Variant) -> Path:
    """The model in the bundle that the worker uses for the variant, or else the demo's."""
    names = ("baseline.pt", "main.pt") if variant == "baseline" else ("cmt.pt",)
    found = [BUNDLE / name for name in names if (BUNDLE / name).is_file()]
    return found[0] if found else weights.BASELINE if variant == "baseline" else weights.CMT


def _training(options: argparse.Namespace) -> TrainingOptions:
    return TrainingOptions(
        work=options.work,
        frames=0,
        crops=0,
        minutes=options.minutes,
        seed=options.seed,
        steps=options.steps,
        batch=options.batch,
        processes=spare_cores() if options.processes is None else options.processes,
    )

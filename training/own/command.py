"""The command line's part of a training on a user's own snapshots."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from video_analysis import worker_config
from video_analysis.demo import weights
from video_analysis.main_worker.classification.classifier import checkpoints
from video_analysis.ops import exit_status
from video_analysis.training.hardware import Hardware, spare_cores
from video_analysis.training.own.fine_tuning import OwnData, fine_tune
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import LONGEST_NAME
from video_analysis.training.train_pipeline import TrainingOptions
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError

BUNDLE = PACKAGE_FOLDER / "main_worker" / "bundle"
OUT = PACKAGE_FOLDER / "out" / "own"


def run(options: argparse.Namespace) -> int:
    """0 when the new model is written and checked, 2 if labels, pictures or the current model cannot be used.

    130 if it was interrupted by Ctrl-C.
    """
    variant: Variant = options.only or "baseline"
    path = (options.out or OUT) / f"{variant}.pt"
    try:
        start = options.start or current(variant, worker_config.load(os.environ))
        data = OwnData(options.data, options.labels, start, _checked_name(options.name or f"own-{variant}"))
        if path.resolve() == data.current.resolve():
            raise ConfigurationError(f"{path} is the current model; name another folder with --out")
        lines = fine_tune(variant, path, data, _training(options), Hardware.found(options.device))
    except (LabelError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return exit_status.ERROR
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command continues the training\n")
        return exit_status.INTERRUPTED
    print(*lines, sep="\n")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, the worker accepts it; figures in {path.stem}.json")
    return 0


def _checked_name(name: str) -> str:
    """ConfigurationError for a name that labels.json cannot have."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(f"--name: has more than {LONGEST_NAME} characters, or one that cannot be printed")
    return name


def current(variant: Variant, config: WorkerConfig) -> Path:
    """The model that a worker with these settings uses for the variant; the demo's if the bundle has none."""
    path = checkpoints(config).get(variant, config.path(config.cmt_checkpoint))
    is_absent = path.parent == BUNDLE and not path.is_file()
    return (weights.BASELINE if variant == "baseline" else weights.CMT) if is_absent else path


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

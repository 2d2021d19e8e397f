"""The command line's part of a training on a user's own snapshots."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from video_analysis import worker_config
from video_analysis.demo import weights
from video_analysis.main_worker.classification import classifier
from video_analysis.training.hardware import Hardware, spare_cores
from video_analysis.training.own.fine_tuning import OwnData, fine_tune
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import NOT_STORED, can_be_stored
from video_analysis.training.train_pipeline import TrainingOptions
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.execution.file_lock import exclusive_lock
from video_analysis.worker_utils.inference import backend

OUT = PACKAGE_FOLDER / "out" / "own"
CHECKPOINTS = ("main_checkpoint", "baseline_checkpoint", "cmt_checkpoint")


def run(options: argparse.Namespace) -> int:
    """0 when the new model is written and checked, 2 if labels, pictures or the current model cannot be used."""
    variant: Variant = options.only or "baseline"
    path = (options.out or OUT) / f"{variant}.pt"
    try:
        start = options.start or current(variant, worker_config.load(os.environ))
        data = OwnData(options.data, options.labels, start, _name(options.name or f"own-{variant}"))
        if path.resolve() == data.current.resolve():
            raise ConfigurationError(f"{path} is the current model; name another folder with --out")
        with _alone(options.work):
            lines = fine_tune(variant, path, data, _training(options), Hardware.found(options.device))
    except (LabelError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print(*lines, sep="\n")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, the worker accepts it; figures in {path.stem}.json")
    return 0


def current(variant: Variant, config: WorkerConfig) -> Path:
    """The file that the worker uses for the variant by its settings, or else the demo's.

    ConfigurationError if a setting names a file that does not exist.
    """
    if variant == "cmt":
        config = config.model_copy(update={"run_mode": "compare"})
    path = classifier.checkpoints(config)[variant]
    if path.is_file():
        return path
    if path in [config.path(getattr(config, field)) for field in CHECKPOINTS if field in config.model_fields_set]:
        backend.require_file(path, "correct the setting, or name the current model with --start")
    return weights.BASELINE if variant == "baseline" else weights.CMT


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """ConfigurationError while another training writes the same maps and checkpoint."""
    with ExitStack() as held:
        try:
            held.enter_context(exclusive_lock(work / "own", wait=False))
        except BlockingIOError:
            text = f"another training uses {work}; wait for its end, or name another folder with --work"
            raise ConfigurationError(text) from None
        yield


def _name(name: str) -> str:
    """The name, if labels.json can have it. ConfigurationError if not."""
    if not can_be_stored(name):
        raise ConfigurationError(f"--name {NOT_STORED}")
    return name


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

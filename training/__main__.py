"""Train the demo's weights: python -m video_analysis.training [--only detector] [--minutes 20].

`--only appearance` trains the appearance network of yolo_worker instead, on simulated and real vehicles
(`--shared-data`). `--data FOLDER` fine-tunes a main model on your own labelled snapshots: docs/own-model.md.

An interrupted run continues from its last checkpoint (written at least every two minutes) when the same command is
run again.
"""

from __future__ import annotations

import argparse
import logging
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.ops import arguments as types
from video_analysis.ops import exit_status
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.inference import backend

NETWORKS = ("detector", "baseline", "cmt")
"""Trained by default. `appearance` needs real clips as well, so it is trained on request only."""
MAIN_MODELS = ("baseline", "cmt")
MINUTES, OWN_MINUTES = 30.0, 10.0
FRAMES, CROPS, SCENES = 6_000, 24_000, 120

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and train; 0 if all requested weights are written, else a status of ops/exit_status.py."""
    options = _options(arguments)
    return exit_status.run("training", lambda: _train(options), "the same command continues it")


def _train(options: argparse.Namespace) -> int:
    if options.minutes is None:
        options.minutes = MINUTES if options.data is None else OWN_MINUTES
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    backend.configure_environment(
        options.work / "cache", options.threads
    )  # before PyTorch and ultralytics are imported
    if options.data is not None:
        from video_analysis.training.own import command  # noqa: PLC0415

        return command.run(options)
    if not options.shared_data.is_dir():
        log.warning("%s: no such folder, so only rendered pictures are trained on", options.shared_data)
    from video_analysis.training import main_model_pipeline, train_pipeline  # noqa: PLC0415
    from video_analysis.training.hardware import Hardware, spare_cores  # noqa: PLC0415

    run_options = train_pipeline.TrainingOptions(
        work=options.work,
        frames=options.images or FRAMES,
        crops=options.images or CROPS,
        minutes=options.minutes,
        seed=options.seed,
        steps=options.steps,
        batch=options.batch,
        processes=spare_cores() if options.processes is None else options.processes,
        data=options.shared_data if options.shared_data.is_dir() else None,
        start=options.start,
    )
    if options.only == "appearance":
        _train_appearance(options)
        return 0
    hardware = Hardware.found(options.device)
    for network in NETWORKS if options.only is None else [options.only]:
        path = destination(network, options.out)
        if network == "detector":
            train_pipeline.train_detector(path, run_options, hardware)
        else:
            main_model_pipeline.train_main_model(network, path, run_options, hardware)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, figures in {path.with_suffix('.json').name}", flush=True)
    return 0


def _train_appearance(options: argparse.Namespace) -> None:
    from video_analysis.training.hardware import spare_cores  # noqa: PLC0415
    from video_analysis.training.reid import reid_pipeline  # noqa: PLC0415
    from video_analysis.yolo_worker.tracking.embedder import BUNDLED_WEIGHTS  # noqa: PLC0415

    path = BUNDLED_WEIGHTS if options.out is None else options.out / BUNDLED_WEIGHTS.name
    run_options = reid_pipeline.ReidOptions(
        work=options.work / "reid",
        data=options.shared_data if options.shared_data.is_dir() else None,
        scenes=options.images or SCENES,
        minutes=options.minutes,
        steps=options.steps,
        seed=options.seed,
        processes=max(1, spare_cores() if options.processes is None else options.processes),
    )
    reid_pipeline.train_appearance(path, run_options)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, figures in {path.with_suffix('.json').name}", flush=True)


def destination(network: str, out: Path | None = None) -> Path:
    """Where a network's weights go: the bundle of the worker that uses it, or the folder `out`."""
    path = {"detector": weights.DETECTOR, "baseline": weights.BASELINE, "cmt": weights.CMT}[network]
    return path if out is None else out / path.name


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.training", description=__doc__)
    parser.add_argument("--only", choices=(*NETWORKS, "appearance"), help="this network alone")
    parser.add_argument(
        "--minutes",
        type=_minutes,
        help=f"most wall time of each network's training; default {MINUTES:g}, with --data {OWN_MINUTES:g}",
    )
    parser.add_argument(
        "--images",
        type=_at_least_one,
        help=f"pictures to train on; default {FRAMES} frames, {CROPS} crops, {SCENES} scenes",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="your own snapshots, labelled by labels.csv or by their folders"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE.csv", help="with --data: the corrected labels; default: labels.csv in it"
    )
    parser.add_argument("--name", help="with --data: name of the new model in each row; default: own-baseline, own-cmt")
    parser.add_argument(
        "--shared-data",
        type=Path,
        default=DATA,
        metavar="FOLDER",
        help="the real clips and pictures for the demo's weights",
    )
    parser.add_argument(
        "--start",
        type=Path,
        metavar="WEIGHTS",
        help="of the network (with --only), to continue from; default: none, with --data the model in the bundle",
    )
    _add_folders(parser)
    _add_limits(parser)
    options = parser.parse_args(arguments)
    _refuse_contradictions(parser, options)
    return options


def _add_folders(parser: argparse.ArgumentParser) -> None:
    """Add where the results and what is kept between runs are written."""
    parser.add_argument(
        "--out", type=Path, help="folder for the weights; default: each worker's bundle, with --data out/own"
    )
    parser.add_argument(
        "--work", type=Path, default=PACKAGE_FOLDER / "out" / "training", help="rendered pictures, memory"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Add what the machine may be used for, and what makes a run short or repeatable."""
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=_at_least_one, help="most training steps, for tests")
    parser.add_argument("--batch", type=_at_least_one, help="pictures a step")
    parser.add_argument("--threads", type=types.count, default=0, help="of PyTorch on the CPU; 0: one for each core")
    parser.add_argument(
        "--processes", type=types.count, help="to render, and threads to prepare batches; default: cores - 1"
    )


def _refuse_contradictions(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with the usage text if options exclude each other."""
    if options.data is not None:
        if options.only not in (None, *MAIN_MODELS):
            parser.error(f"--data trains a main model: --only is {' or '.join(MAIN_MODELS)}")
    elif options.labels is not None or options.name is not None:
        parser.error("--labels and --name need --data")
    elif options.start is not None and options.only not in NETWORKS:
        parser.error(f"--start needs --only, one of {', '.join(NETWORKS)}")
    if options.start is not None and not options.start.is_file():
        parser.error(f"--start {options.start}: no such file")


def _minutes(text: str) -> float:
    """An argparse type: a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return number


def _at_least_one(text: str) -> int:
    """An argparse type: an integer, 1 or more."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

"""Measure the main models on single vehicles: python -m video_analysis.benchmarks.main_model --help.

The vehicles are real ones of cameras and folders that no weights were trained on (../shared/data, if it exists), and
close-ups of the simulator, as they are and with camera degradation. The worker's own code decides. Prints a table, and
writes all figures to out/main_model.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis.benchmarks.main_model import material, table
from video_analysis.benchmarks.main_model.measurement import measure
from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.main_worker import run_poller
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError

OUT = PACKAGE_FOLDER / "out"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the figures are written, 2 if weights are missing or wrong."""
    options = _options(arguments)
    config = WorkerConfig(
        run_mode="compare", baseline_checkpoint=options.baseline.resolve(), cmt_checkpoint=options.cmt.resolve()
    )
    try:
        models = run_poller.models(config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    document = measure(models, options.data, options.work, options.count, config.batch_size)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(*table.lines(document), sep="\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.main_model", description=__doc__)
    parser.add_argument("--baseline", type=Path, default=weights.BASELINE)
    parser.add_argument("--cmt", type=Path, default=weights.CMT)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real pictures, if any")
    parser.add_argument("--count", type=int, default=material.SYNTHETIC, help="number of synthetic vehicles")
    parser.add_argument("--work", type=Path, default=OUT / "training", help="folder of rendered pictures")
    parser.add_argument("--out", type=Path, default=OUT / "main_model.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

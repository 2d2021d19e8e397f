"""Stage 2's forward pass alone, in its own process: Classifier.classify on full batches."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from video_analysis.benchmarks.bench import material
from video_analysis.main_worker import run_poller
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write pictures per second of each pass, the model's operations, and decoding time per picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of snapshots")
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    config = WorkerConfig(main_checkpoint=options.checkpoint.resolve(), cache_dir=options.cache.resolve())
    model = run_poller.models(config)["baseline"]
    jpegs = islice(cycle(material.read_pictures(options.pictures)), config.batch_size)
    begun = time.perf_counter()
    batch = [check_snapshot(jpeg, CONTENT_TYPE) for jpeg in jpegs]
    decode_ms = (time.perf_counter() - begun) / len(batch) * 1000
    samples = []
    for _ in range(options.batches + 1):
        begun = time.perf_counter()
        model.classify(batch)
        samples.append(len(batch) / (time.perf_counter() - begun))
    report = {
        "stage2_forward_ips": samples[1:],
        "decode_ms": decode_ms,
        "gflops": model.gflops,
        "checkpoint": model.checkpoint,
    }
    options.out.write_text(json.dumps(report), "utf-8")


if __name__ == "__main__":
    main()

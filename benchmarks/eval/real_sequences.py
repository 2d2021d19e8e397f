"""The real sequences of ../shared/data/mot, if they exist: recall, id switches, tracks per vehicle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from video_analysis.benchmarks import mot, real_data
from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker import run_poller


def measure(data: Path, config: WorkerConfig) -> dict[str, Any]:
    """The score of each sequence, by the detector trained on real images; or why there is none."""
    weights = data / real_data.COCO_WEIGHTS
    folders = real_data.sequences(data / "mot")
    if not folders or not weights.is_file():
        return {"skipped": "the real sequences or their detector are not here"}
    pipeline = run_poller.pipeline(config.model_copy(update={"yolo_weights": weights.resolve()}))
    scores: dict[str, Any] = {}
    for folder in folders:
        scores[folder.name] = asdict(mot.measure(pipeline, folder)[0])
        print(f"real sequence {folder.name}: recall {scores[folder.name]['recall']:.3f}", flush=True)
    return scores

"""Tracking quality of the worker and its peers: recall, id switches, tracks per vehicle.

Over all frames of the real sequences with ground truth, as in benchmarks.mot. For the peers, boxes of confirmed
tracks count, as in their documentation. `ours` includes a track's boxes from before its confirmation, since a
snapshot may be taken from them; `ours_since_confirmation` is the fair comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from video_analysis.benchmarks import mot, real_data
from video_analysis.benchmarks.bench.figures import JsonObject, rounded
from video_analysis.benchmarks.bench.processes import Bench

OURS, OURS_ALIKE = "ours", "ours_since_confirmation"
PEERS = {"stock": "bench.baseline_deepsort", "ultralytics_track": "bench.ultralytics_track"}
Row = Mapping[str, Any]


def measure(bench: Bench, weights: Path) -> JsonObject:
    """Figures of the worker and each peer, in total and per sequence. NotMeasured if one cannot run."""
    folders = real_data.sequences(bench.data / "mot")
    rows: dict[str, list[Row]] = {name: [_peer(bench, module, folder, weights) for folder in folders]
                                  for name, module in PEERS.items()}  # fmt: skip
    ours = bench.run_json("mot", ["--weights", weights, "--sequences", bench.data / "mot"])
    return together({OURS: ours["scores"], OURS_ALIKE: ours["scores_since_confirmation"], **rows})


def _peer(bench: Bench, module: str, folder: Path, weights: Path) -> Row:
    run = bench.run_json(module, ["--clip", folder / "video.mp4", "--weights", weights])
    found = [[(track, tuple(box)) for track, box in frame] for frame in run["tracked"]]
    return asdict(mot.score(folder.name, mot.read_truth(folder / "gt.txt", len(found)), found))


def together(rows: Mapping[str, Sequence[Row]]) -> JsonObject:
    """Over all sequences: recall of all boxes, sum of id switches, mean of tracks per vehicle. Pure."""
    return {
        "recall": {name: rounded(_recall(of)) for name, of in rows.items()},
        "id_switches": {name: sum(row["id_switches"] for row in of) for name, of in rows.items()},
        "tracks_per_vehicle": {
            name: rounded(fmean(row["tracks_per_vehicle"] for row in of)) for name, of in rows.items()
        },
        "sequences": dict(rows),
    }


def _recall(rows: Sequence[Row]) -> float:
    return float(sum(row["recall"] * row["boxes"] for row in rows) / sum(row["boxes"] for row in rows))

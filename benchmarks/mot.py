"""Tracking measured against ground truth: `make mot`, or python -m video_analysis.benchmarks.mot --help.

Runs stage 1's own detector, embedder and tracker over sequences in MOTChallenge's layout (a folder with video.mp4 and
gt.txt each) and prints recall of the true boxes, id switches, and tracks per true vehicle. The ground truth has no
far vehicles, so precision would be meaningless.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.yolo_worker import run_key, run_poller
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.types import Box, TrackedFrame

SAME_IOU = 0.4
Labelled = tuple[int, Box]
"""An id and its box."""


@dataclass(frozen=True, slots=True)
class Score:
    """Tracking figures of one sequence."""

    sequence: str
    boxes: int
    recall: float
    """Share of the true boxes that a confirmed track's box of the same frame covers, its tentative frames included."""
    id_switches: int
    """How often a true vehicle's track changed."""
    tracks_per_vehicle: float
    """Mean number of tracks per true vehicle, over vehicles with a track."""
    tracks: int


def score(sequence: str, truth: Sequence[Sequence[Labelled]], tracked: Sequence[Sequence[Labelled]]) -> Score:
    """Compare frame by frame; within a frame boxes are paired one to one (Hungarian) at IoU ≥ 0.4."""
    followers: dict[int, list[int]] = {}
    for true, found in zip(truth, tracked, strict=True):
        for vehicle, track in paired(true, found):
            followers.setdefault(vehicle, []).append(track)
    boxes = sum(map(len, truth))
    switches = sum(a != b for follow in followers.values() for a, b in pairwise(follow))
    return Score(
        sequence=sequence,
        boxes=boxes,
        recall=sum(map(len, followers.values())) / boxes,
        id_switches=switches,
        tracks_per_vehicle=sum(len(set(follow)) for follow in followers.values()) / max(1, len(followers)),
        tracks=len({track for found in tracked for track, _ in found}),
    )


def paired(true: Sequence[Labelled], found: Sequence[Labelled], least_iou: float = SAME_IOU) -> list[tuple[int, int]]:
    """(vehicle, track) of one frame: the pairing with the largest sum of overlaps, each at least `least_iou`."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  # after the number of BLAS threads is set

    if not true or not found:
        return []
    shared = overlaps(np.array([box for _, box in true]), np.array([box for _, box in found]))
    gain = np.where(shared >= least_iou, shared, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(true[row][0], found[column][0]) for row, column in zip(rows, columns, strict=True) if gain[row, column]]


def read_truth(path: Path, frames: int) -> list[list[Labelled]]:
    """gt.txt (frame from 1, id, left, top, width, height, …) as one list of boxes a frame."""
    truth: list[list[Labelled]] = [[] for _ in range(frames)]
    for line in path.read_text("utf-8").split():
        frame, vehicle, left, top, width, height = (float(field) for field in line.split(",")[:6])
        truth[int(frame) - 1].append((int(vehicle), (left, top, left + width, top + height)))
    return truth


def track_ids(frames: Iterable[TrackedFrame]) -> dict[int, int]:
    """Key → final track_id of all tracks that are confirmed at some time, in the order of their confirmation."""
    ids: dict[int, int] = {}
    for key, track_id in (link for frame in frames for link in frame.links):
        former = ids.setdefault(key, track_id)
        if former != track_id:
            ids = {one: track_id if known == former else known for one, known in ids.items()}
    return ids


def confirmed(frames: Sequence[TrackedFrame]) -> list[list[Labelled]]:
    """Boxes per frame of all tracks that are confirmed at some time: a snapshot may be taken from any of these."""
    ids = track_ids(frames)
    return [[(ids[track.key], track.box) for track in frame.tracks if track.key in ids] for frame in frames]


def since_confirmation(frames: Sequence[TrackedFrame]) -> list[list[Labelled]]:
    """Boxes per frame of tracks that are confirmed by then, as other trackers report them."""
    ids: dict[int, int] = {}
    found: list[list[Labelled]] = []
    for frame in frames:
        ids |= frame.links
        found.append([(ids[track.key], track.box) for track in frame.tracks if track.key in ids])
    return found


def measure(pipeline: VisionPipeline, folder: Path) -> tuple[Score, Score]:
    """Run stage 1 over one sequence, every frame of it; the score of `confirmed`, and of `since_confirmation`."""
    clip = folder / "video.mp4"
    source = pipeline.open(clip, 1)
    frames = list(pipeline.track(pipeline.detect(source.frames(), source.info)))
    truth = read_truth(folder / "gt.txt", len(frames))
    return score(folder.name, truth, confirmed(frames)), score(folder.name, truth, since_confirmation(frames))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=DATA / COCO_WEIGHTS)
    parser.add_argument("--sequences", type=Path, default=DATA / "mot", help="folder of sequences")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "mot.json")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir, help="folder for converted networks")
    options = parser.parse_args(arguments)
    folders = real_data.sequences(options.sequences)
    if not folders or not options.weights.is_file():
        parser.error(f"no {options.weights} or no sequences in {options.sequences}: see --help")
    pipeline = run_poller.pipeline(WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=options.cache))
    both = [measure(pipeline, folder) for folder in folders]
    traits = run_key.pipeline_fields(pipeline.traits())
    _report([whole for whole, _ in both], [since for _, since in both], traits, options.out)


def _report(scores: Sequence[Score], since: Sequence[Score], traits: object, out: Path) -> None:
    print(f"{'sequence':<16}{'boxes':>7}{'recall':>8}{'switches':>10}{'tracks/vehicle':>16}{'tracks':>8}")
    for row in scores:
        print(
            f"{row.sequence:<16}{row.boxes:>7}{row.recall:>8.3f}{row.id_switches:>10}"
            f"{row.tracks_per_vehicle:>16.2f}{row.tracks:>8}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "scores": [asdict(row) for row in scores],
        "scores_since_confirmation": [asdict(row) for row in since],
        "traits": traits,
    }
    out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Track and score cached detections: python -m video_analysis.benchmarks.truth.offline [--clips …] [--strides 1,3,10].

Runs the workers' own tracker and best-shot selection in this process, and prints covered, missed, duplicate and false
snapshots and wrong merges per clip and stride. The first run decodes, detects and embeds; the next ones take seconds.
Start it with OPENBLAS_NUM_THREADS=1, as the workers' units do.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.truth import scorer, vehicles
from video_analysis.benchmarks.truth.detections import Cache, CachedClip, CachedEmbedder, embed_all
from video_analysis.benchmarks.truth.scorer import Score, Snapshot
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import BestShot, Box, TrackedFrame

CACHE = PACKAGE_FOLDER / "out" / "truth" / "cache"
STRIDES = (1, 3, 10)
CASES = ("parked_bus", "parked_free", "gap_60s", "seg_a", "seg_b", "vfr_idle_then_fast", "vfr_control")
COLUMNS = ("vehicles", "covered", "missed", "duplicates", "false", "exactly_one", "wrong_merges")


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Stage 1's output for a clip at a stride."""

    shots: Sequence[BestShot]
    tracks: Mapping[int, Mapping[int, Box]]
    """track_id → boxes by index of the frame."""

    @property
    def snapshots(self) -> list[Snapshot]:
        """The best shots as the scorer takes them."""
        return [Snapshot(shot.track_id, shot.offset_ms, shot.box) for shot in self.shots]


def track(clip: CachedClip, embedder: CachedEmbedder, stride: int, config: WorkerConfig) -> Result:
    """Track a clip and select its best shots, as the worker does."""
    kept: list[TrackedFrame] = []
    tracked = Tracker(embedder, config.track, clip.info_at(stride).interval_ms).track(clip.detected(stride))
    sink = BestShotSink(config.best, config.snapshot.crop_margin)
    shots = list(drain.results(_kept(tracked, kept), sink))
    return Result(shots, tracks_of(kept))


def tracks_of(frames: Sequence[TrackedFrame]) -> dict[int, dict[int, Box]]:
    """track_id → boxes by index of the frame, over all keys of the track."""
    ids = {key: track_id for frame in frames for key, track_id in frame.links.items()}
    boxes: dict[int, dict[int, Box]] = {track_id: {} for track_id in ids.values()}
    for frame in frames:
        for one in frame.tracks:
            if one.key in ids:
                boxes[ids[one.key]][frame.frame.index] = one.box
    return boxes


def _kept(frames: Iterable[TrackedFrame], kept: list[TrackedFrame]) -> Iterator[TrackedFrame]:
    for frame in frames:
        kept.append(frame)
        yield frame


def named_clips(data: Path) -> dict[str, Path]:
    """Clips that can be chosen: those of the truth first, then sequences and cases."""
    video = {path.stem: data / "video" / f"{path.stem}.mp4" for path in sorted(data.glob("truth/*.json"))}
    sequences = {folder.name: folder / "video.mp4" for folder in real_data.sequences(data / "mot")}
    return video | sequences | {name: data / "cases" / f"{name}.mp4" for name in CASES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 2 if the data is missing."""
    options = _options(arguments)
    clips = named_clips(options.data)
    chosen = options.clips or [path.stem for path in sorted(options.data.glob("truth/*.json"))]
    if not chosen or not set(chosen) <= clips.keys() or not options.weights.is_file():
        print(f"no clips {chosen}, or no {options.weights}; known are {', '.join(clips)}", file=sys.stderr)
        return 2
    config = WorkerConfig(yolo_weights=options.weights.resolve())
    cache = Cache(options.cache, config)
    totals: dict[int, Counter[str]] = {stride: Counter() for stride in options.strides}
    print(f"{'clip':<34}{'stride':>7}" + "".join(f"{column:>14}" for column in COLUMNS))
    for name in chosen:
        clip, embedder = cache.clip(clips[name], name), cache.embedder(name)
        if options.all_vectors:
            embed_all(clip, embedder)
        truth = options.data / "truth" / f"{name}.json"
        for stride in options.strides:
            result = track(clip, embedder, stride, config)
            if truth.is_file():
                found = scorer.score(vehicles.read(truth), result.snapshots, result.tracks)
                totals[stride] += found.counts
                print(line(name, stride, found.counts) + (_details(found) if options.details else ""), flush=True)
            else:
                print(f"{name:<34}{stride:>7}{len(result.shots):>14} snapshots (no truth)", flush=True)
        embedder.save()
    for stride, counts in totals.items():
        print(line("all", stride, counts) + f"  {scorer.snapshots_per_vehicle(counts):.2f} snapshots per vehicle")
    return 0


def line(name: str, stride: int, counts: Counter[str]) -> str:
    """One row of the table."""
    return f"{name:<34}{stride:>7}" + "".join(f"{counts[column]:>14}" for column in COLUMNS)


def _details(found: Score) -> str:
    doubled = {vehicle: tracks for vehicle, tracks in found.shown.items() if len(tracks) > 1}
    missed = [vehicle for vehicle, tracks in found.shown.items() if not tracks]
    return f"\n    missed {missed}, doubled {doubled}, false {found.false_tracks}, merges {dict(found.wrong_merges)}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="*", metavar="NAME", help="default: every clip with a truth")
    parser.add_argument("--strides", type=_strides, default=STRIDES, help="default: 1,3,10")
    parser.add_argument("--details", action="store_true", help="ids of missed, doubled, false and merged ones")
    parser.add_argument("--all-vectors", action="store_true", help="compute the vectors of all boxes first")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--weights", type=Path, default=DATA / COCO_WEIGHTS)
    parser.add_argument("--cache", type=Path, default=CACHE)
    return parser.parse_args(arguments)


def _strides(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())

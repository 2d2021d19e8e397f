"""The workers' tracker and best-shot selection over cached detections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from video_analysis.benchmarks.mot import track_ids
from video_analysis.benchmarks.truth.detections import CachedClip, CachedEmbedder
from video_analysis.benchmarks.truth.scorer import Snapshot
from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker.pipeline import calibrated
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.tracking.camera_shift import with_shift
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import BestShot, Box, TrackedFrame


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
    settings = calibrated(config.track, embedder.match_distance)
    tracked = Tracker(embedder, settings).track(with_shift(clip.detected(stride)))
    sink = BestShotSink(config.best, config.snapshot.crop_margin)
    shots = list(drain.results(_kept(tracked, kept), sink))
    return Result(shots, tracks_of(kept))


def tracks_of(frames: Sequence[TrackedFrame]) -> dict[int, dict[int, Box]]:
    """track_id → boxes by index of the frame, over all keys of the track."""
    ids = track_ids(frames)
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

"""The clips of the offline harness: real ones by name, and synthetic scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.eval import scenes, tracking, true_detections
from video_analysis.benchmarks.eval import truth as simulated_truth
from video_analysis.benchmarks.eval.tracking import Tracking
from video_analysis.benchmarks.truth import vehicles
from video_analysis.benchmarks.truth.detections import Cache, CachedClip, CachedEmbedder
from video_analysis.benchmarks.truth.vehicles import ClipTruth
from video_analysis.training.rendering import world_mark
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Box

CASES = (
    *("parked_bus", "parked_free", "gap_60s", "seg_a", "seg_b"),
    *("vfr_idle_then_fast", "vfr_control", "bars_none", "bars_pillar"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A clip with its detections, and its true vehicles if they are known."""

    name: str
    clip: CachedClip
    embedder: CachedEmbedder
    truth: ClipTruth | None
    scene: simulated_truth.ClipTruth | None = None
    """The same vehicles with all details of the simulator."""

    def identities(self, tracks: Mapping[int, Mapping[int, Box]], stride: int) -> Tracking:
        """Counts for IDF1, over every `stride`-th frame; zero for a real clip."""
        if self.scene is None:
            return tracking.nothing()
        indices = range(0, len(self.scene.frames), stride)
        found = [[(track, boxes[index]) for track, boxes in tracks.items() if index in boxes] for index in indices]
        return tracking.count([self.scene.frames[index] for index in indices], found)


def real_clips(data: Path) -> dict[str, Path]:
    """Clips that can be chosen by name: those with a truth, sequences and cases."""
    video = {path.stem: data / "video" / f"{path.stem}.mp4" for path in true_clips(data)}
    sequences = {folder.name: folder / "video.mp4" for folder in real_data.sequences(data / "mot")}
    return video | sequences | {name: data / "cases" / f"{name}.mp4" for name in CASES}


def true_clips(data: Path) -> list[Path]:
    """The files with true vehicles; each has the name of its clip."""
    return sorted(data.glob("truth/*.json"))


def real(cache: Cache, data: Path, paths: Mapping[str, Path]) -> Iterator[Material]:
    """The clips at `paths`, by name."""
    for name, path in paths.items():
        truth = data / "truth" / f"{name}.json"
        known = vehicles.read(truth) if truth.is_file() else None
        yield Material(name, cache.clip(path, name), cache.embedder(name), known)


def simulated(
    cache: Cache, chosen: Sequence[scenes.EvaluationScene], seconds: float, folder: Path, *, detect: bool
) -> Iterator[Material]:
    """Scenes of `make eval`, with true boxes, or with those of the cache's detector.

    Missing ones are rendered into `folder`. The frames of one clip at a time are kept in memory.
    """
    for path in scenes.clips(chosen, folder / f"clips-{world_mark()}", seconds):
        scene, source = simulated_truth.read(path), VideoFile(path, 1)
        frames = list(source.frames())
        true = [seen.boxes for seen in true_detections.detect(frames, scene)]
        clip = CachedClip(
            source.info,
            np.array([frame.offset_ms for frame in frames], np.int64),
            [frame.image for frame in frames],
            cache.boxes(path, path.stem).boxes if detect else true,
        )
        yield Material(path.stem, clip, cache.embedder(path.stem), truth_of(path.stem, scene), scene)


def truth_of(name: str, scene: simulated_truth.ClipTruth) -> ClipTruth:
    """The vehicles of a scene. One counts as in `make eval`; it is visible in a frame if enough of it is not hidden."""
    boxes: dict[int, dict[int, Box]] = {}
    hidden: dict[int, list[int]] = {}
    for index, frame in enumerate(scene.frames):
        for one in frame:
            boxes.setdefault(one.id, {})[index] = one.box
            if one.visible_fraction < true_detections.LEAST_FRACTION:
                hidden.setdefault(one.id, []).append(index)
    frames = len(scene.frames)
    found = [
        vehicles.fully_known(vehicle, of, hidden.get(vehicle, []), frames, is_counted=vehicle in scene.counted)
        for vehicle, of in sorted(boxes.items())
    ]
    return ClipTruth(name, np.arange(frames) * 1000 / scene.facts.fps, found)

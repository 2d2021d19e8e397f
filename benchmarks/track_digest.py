"""Hash the tracks of clips: python -m video_analysis.benchmarks.track_digest CLIP[@STRIDE] … --weights W --out O.

Runs stage 1's own detector, embedder and tracker in this process. Start it with OPENBLAS_NUM_THREADS=1, as the workers'
units do: the number of BLAS threads changes the last bits of the appearance distances.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.types import TrackedFrame

STRIDE = 3


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file, processed at a stride."""

    path: Path
    stride: int

    @classmethod
    def parse(cls, text: str) -> Clip:
        """`PATH` or `PATH@STRIDE`. ArgumentTypeError if the file is missing or the stride is below 1."""
        name, separator, stride = text.rpartition("@")
        path, number = (Path(name), stride) if separator and stride.isdecimal() else (Path(text), str(STRIDE))
        if not path.is_file() or int(number) < 1:
            raise argparse.ArgumentTypeError(f"{text}: no such file, or no stride from 1")
        return cls(path, int(number))

    def __str__(self) -> str:
        return f"{self.path}@{self.stride}"

    @property
    def key(self) -> str:
        """Its name in a digest: without folders, so that digests of two machines can be compared."""
        return f"{self.path.name}@{self.stride}"


def digest(frames: Iterable[TrackedFrame]) -> dict[str, object]:
    """Number of frames, and SHA-256 over every frame's tracks (keys, ids, types, all bits of boxes and confidences),
    ends and links."""
    ids: dict[int, int] = {}
    rows = []
    for one in frames:
        ids.update(one.links)
        tracks = [
            [track.key, ids.get(track.key), _bits(track.box), float(track.confidence).hex(), track.type]
            for track in one.tracks
        ]
        rows.append([one.frame.index, one.frame.offset_ms, tracks, list(one.ended), [list(link) for link in one.links]])
    return {"frames": len(rows), "sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest()}


def _bits(box: Iterable[float]) -> list[str]:
    return [float(side).hex() for side in box]


def measure(pipeline: VisionPipeline, clip: Clip) -> dict[str, object]:
    """Digest of the tracks of one clip."""
    source = pipeline.open(clip.path, clip.stride)
    return digest(pipeline.track(pipeline.detect(source.frames(), source.info)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write {clip@stride: {frames, sha256}}."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Clip.parse, nargs="+", metavar="CLIP[@STRIDE]")
    parser.add_argument("--weights", type=Path, required=True, help="the detector")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir, help="folder for converted networks")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    config = WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=options.cache.resolve())
    pipeline = run_poller.pipeline(config)
    options.out.write_text(json.dumps({clip.key: measure(pipeline, clip) for clip in options.clips}), "utf-8")


if __name__ == "__main__":
    main()

"""Score both workers on real clips: `make truth`, or python -m video_analysis.benchmarks.truth --help.

Sends each clip at each stride through both workers (local PostgreSQL, SQS and S3), and scores the rows by their
`detected_box` and `detected_in_ms`. Then the workers' tracker runs in this process, for the wrong merges: rows have
no tracks. Both must have the same snapshots. Writes out/truth.json, and a contact sheet per clip and stride.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.truth import material, offline, scorer, table, tracked
from video_analysis.benchmarks.truth.detections import Cache
from video_analysis.benchmarks.truth.scorer import Score, Snapshot
from video_analysis.demo import show
from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import follow, local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

OUT = PACKAGE_FOLDER / "out" / "truth"
SAME_PX = 0.02
"""A row's box is rounded to hundredths of a px."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipRun:
    """A clip at a stride, as the workers stored it."""

    clip: Path
    stride: int
    frames: int
    seconds: float
    snapshots: Sequence[Snapshot]
    faults: Sequence[str]

    @property
    def name(self) -> str:
        """The clip's name."""
        return real_data.name_of(self.clip)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every clip was processed without faults, and the tracker in this process gives the same snapshots."""
    options = _options(arguments)
    clips = options.clips or [options.data / "video" / f"{path.stem}.mp4" for path in material.true_clips(options.data)]
    if not clips or not all(path.is_file() for path in (*clips, options.weights)):
        print(f"no clips, or a missing file among {[*map(str, (*clips, options.weights))]}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-truth-", ignore_cleanup_errors=True) as folder,
        local_stack.started(Path(folder), WorkerConfig(), with_untrained(options.weights, options.out)) as stack,
        worker_process.both(stack.environ, options.out) as workers,
    ):
        runs = [_run(stack, workers, clip, stride, options.out) for clip in clips for stride in options.strides]
    print(table.HEAD)
    config = WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=(options.out / "cache").resolve())
    results = list(_scored(runs, options.data, Cache(options.out / "cache", config), config))
    document = {"totals": _totals(results), "clips": results}
    target = options.out.with_suffix(".json")
    target.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(f"{target}: written")
    return 1 if any(result["faults"] for result in results) else 0


def _run(stack: Stack, workers: Sequence[WorkerProcess], clip: Path, stride: int, out: Path) -> ClipRun:
    """Process a clip by both workers, and write its contact sheet."""
    task = stack.upload(clip, stride)
    stack.send(task)
    faults = follow.until_settled(stack, workers, lambda: "")
    found = stored_results.read(stack, task["video_id"])
    done = next((line for line in workers[0].events("video.done") if line["video_id"] == task["video_id"]), {})
    frames, seconds = done.get("frames", 0), done.get("elapsed_s", 0.0)
    run = ClipRun(clip, stride, frames, seconds, snapshots_of(found), [*faults, *found.faults()])
    show.sheet(found, out / f"{run.name}_stride{stride}.png")
    print(f"{run.name} at stride {stride}: {len(run.snapshots)} snapshots, {seconds:.1f} s", flush=True)
    return run


def snapshots_of(found: StoredResults) -> list[Snapshot]:
    """The rows of a video as the scorer takes them."""
    return [
        Snapshot(track_id, row["detected_in_ms"], tuple(row["detected_box"][side] for side in ("x1", "y1", "x2", "y2")))
        for track_id, row in found.analyses.items()
    ]


def _scored(runs: Sequence[ClipRun], data: Path, cache: Cache, config: WorkerConfig) -> Iterator[dict[str, Any]]:
    """Score each run, print its line, and return it for JSON."""
    for run in runs:
        (clip,) = material.real(cache, data, {run.name: run.clip})
        result = tracked.track(clip.clip, clip.embedder, run.stride, config)
        clip.embedder.save()
        same = is_same(run.snapshots, result.snapshots)
        faults = [*run.faults, *([] if same else ["the tracker in this process gives other snapshots"])]
        found = scorer.score(clip.truth, run.snapshots, result.tracks) if clip.truth else None
        line = table.line(run.name, run.stride, found.counts) if found else ""
        print(line or table.unscored(run.name, run.stride, len(run.snapshots)), *faults, sep="  ", flush=True)
        yield _document(run, found, faults)


def is_same(rows: Sequence[Snapshot], tracked: Sequence[Snapshot]) -> bool:
    """The same tracks, times and boxes, up to the rounding of the rows."""
    left, right = (sorted(one, key=lambda shot: shot.track_id) for one in (rows, tracked))
    return len(left) == len(right) and all(
        replace(one, box=other.box) == other
        and max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) <= SAME_PX
        for one, other in zip(left, right, strict=True)
    )


def _document(run: ClipRun, found: Score | None, faults: Sequence[str]) -> dict[str, Any]:
    scored = {"counts": dict(found.counts), **table.details(found)} if found else {}
    facts = {"clip": run.name, "stride": run.stride, "frames": run.frames, "snapshots": len(run.snapshots)}
    return {**facts, "seconds": run.seconds, "faults": [*faults], **scored}


def _totals(results: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Counts of all clips by stride; each is printed."""
    totals: dict[int, Counter[str]] = {}
    for result in results:
        totals.setdefault(result["stride"], Counter()).update(result.get("counts", {}))
    for stride, counts in totals.items():
        print(table.total(stride, counts))
    return {
        stride: {**counts, "snapshots_per_vehicle": round(scorer.snapshots_per_vehicle(counts), 3)}
        for stride, counts in totals.items()
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.truth", description=__doc__)
    parser.add_argument("clips", type=Path, nargs="*", help="default: every clip with a truth; others are not scored")
    parser.add_argument("--strides", type=offline.strides, default=offline.STRIDES, help="default: 1,3,10")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with video/*.mp4 and truth/*.json")
    parser.add_argument("--weights", type=Path, default=DATA / COCO_WEIGHTS)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of contact sheets and cache; OUT.json is written")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

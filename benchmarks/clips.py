"""`make clips`: every real clip at strides 1, 3 and 10 through both workers; a table, and a contact sheet of each.

Missed and duplicate vehicles must be checked by eye on the sheets out/clips/*.png.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.demo import show
from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import follow, local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

STRIDES = (1, 3, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all clips; 0 if every clip was processed without faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="*", help="default: every clip of ../shared/data/video and mot")
    parser.add_argument("--weights", type=Path, default=DATA / COCO_WEIGHTS)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "clips")
    options = parser.parse_args(arguments)
    clips = options.clips or real_data.clips(DATA)
    if not clips or not options.weights.is_file():
        print(f"no clips, or no detector at {options.weights}: name them", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    settings = with_untrained(options.weights, options.out)
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-clips-", ignore_cleanup_errors=True) as folder,
        local_stack.started(Path(folder), WorkerConfig(), settings) as environment,
        worker_process.both(environment.environ, options.out) as workers,
    ):
        results = list(_results(environment, workers, clips, options.out))
    (options.out / "clips.json").write_text(json.dumps(results, indent=2) + "\n")
    return 1 if any(result["faults"] for result in results) else 0


def _results(
    environment: Stack, workers: Sequence[WorkerProcess], clips: Sequence[Path], out: Path
) -> Iterator[dict[str, Any]]:
    """Process one clip after the other, and print a line for each."""
    print(f"{'clip':<42} {'stride':>6} {'frames':>6} {'vehicles':>8} {'seconds':>8}  faults", flush=True)
    for clip in clips:
        name = real_data.name_of(clip)
        for stride in STRIDES:
            task = environment.upload(clip, stride)
            environment.send(task)
            faults = follow.until_settled(environment, workers, lambda: "")
            found = stored_results.read(environment, task["video_id"])
            faults += found.faults()
            show.sheet(found, out / f"{name}_stride{stride}.png")
            done = next((line for line in workers[0].events("video.done") if line["video_id"] == task["video_id"]), {})
            frames, vehicles, seconds = done.get("frames", 0), len(found.analyses), done.get("elapsed_s", 0.0)
            print(
                f"{name:<42} {stride:>6} {frames:>6} {vehicles:>8} {seconds:>8.1f}  {'; '.join(faults) or '-'}",
                flush=True,
            )
            yield {
                "clip": name,
                "stride": stride,
                "frames": frames,
                "vehicles": vehicles,
                "seconds": seconds,
                "faults": faults,
            }


if __name__ == "__main__":
    sys.exit(main())

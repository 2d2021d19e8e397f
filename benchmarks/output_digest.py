"""Everything that both workers write for some clips, as JSON that two versions can be compared by.

    python -m video_analysis.benchmarks.output_digest CLIP[@STRIDE] … --out digest.json [--against other.json]

Each clip (stride 3 if none is given) goes through S3, SQS, both workers in compare mode with the demo's weights, and
PostgreSQL. The digest of a clip has its faults, run_key, rows, the SHA-256 and content type of each object, and the
SHA-256 of its tracks, computed by benchmarks.track_digest. Columns that differ in every run are left out: id,
created_at, updated_at, result_updated_at, latency_ms; of snapshot_s3_key only the file name is kept, as `name`.

With --against the exit status is 1 if anything in the digest differs from the other file; each difference is printed.
Use the same machine for both: networks give other last bits on other processors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.track_digest import Clip
from video_analysis.demo import weights
from video_analysis.devstack import follow, local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

RECORDED_AT = "2026-03-01T00:00:00+08:00"
TRACKS = "video_analysis.benchmarks.track_digest"
EXCLUDED_COLUMNS = {"id", "snapshot_s3_key", "created_at", "updated_at", "result_updated_at", "latency_ms"}
PLAIN = (str, int, float, list, dict, type(None))
MOST_PRINTED = 40
Digest = dict[str, Any]
"""The digest of one clip."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every clip was processed (and is equal to the other digest), 1 if not, 2 if it cannot start."""
    options = _options(arguments)
    if missing := [path for path in weights.OWN.files if not path.is_file()]:
        print(f"weights not found: {', '.join(map(str, missing))}", file=sys.stderr)
        return 2
    worker_process.exit_on_signal()
    other = None if options.against is None else json.loads(options.against.read_text("utf-8"))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    digests = measure(options.clips, options.cache.resolve())
    options.out.write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n", "utf-8")
    failed = [f"{name}: {fault}" for name, digest in digests.items() for fault in digest["faults"]]
    different = [] if other is None else list(differences(other, digests))
    for line in [*failed, *different[:MOST_PRINTED]]:
        print(line)
    if other is not None:
        print(f"{len(different)} differences" if different else "equal")
    return 1 if failed or different else 0


def measure(clips: Sequence[Clip], cache: Path) -> dict[str, Digest]:
    """The digest of each clip, by its key."""
    settings = weights.OWN.settings | {"CVITX_CACHE_DIR": str(cache), "CVITX_WAIT_TIME_S": "2"}
    with tempfile.TemporaryDirectory(prefix="cvitx-digest-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tracks = _tracks(clips, cache, folder)
        with (
            local_stack.started(folder, WorkerConfig(), settings) as stack,
            worker_process.both(stack.environ, folder) as workers,
        ):
            return {clip.key: _run(stack, workers, clip) | {"tracks": tracks[clip.key]} for clip in clips}


def _run(stack: Stack, workers: Sequence[WorkerProcess], clip: Clip) -> Digest:
    task = stack.upload(clip.path, clip.stride, RECORDED_AT)
    stack.send(task)
    faults = follow.until_settled(stack, workers, lambda: "")
    found = stored_results.read(stack, task["video_id"])
    keys = stack.sql("SELECT DISTINCT run_key FROM image_analyses WHERE video_id = %s", task["video_id"])
    print(f"{clip.key}: {len(found.rows)} rows, {len(found.snapshots)} objects", flush=True)
    return {"faults": faults + found.faults(), "run_key": sorted(row["run_key"] for row in keys)} | contents(found)


def contents(found: StoredResults) -> Digest:
    """Rows and objects of one video, without what differs in every run."""
    objects = {
        key.rsplit("/", 1)[1]: [item.content_type, hashlib.sha256(item.content).hexdigest()]
        for key, item in sorted(found.snapshots.items())
    }
    return {"rows": [_row(row) for row in found.rows], "objects": objects}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in EXCLUDED_COLUMNS}
    name = row["snapshot_s3_key"].rsplit("/", 1)[1]
    return {key: value if isinstance(value, PLAIN) else str(value) for key, value in kept.items()} | {"name": name}


def differences(before: object, after: object, path: str = "") -> Iterator[str]:
    """Each place where two JSON values differ, as `path: before → after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key, "absent"), after.get(key, "absent"), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{path}/{place}")
    elif before != after:
        yield f"{path}: {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    if isinstance(value, dict | list) and len(value) > 1:
        return f"{type(value).__name__} of {len(value)}"
    return json.dumps(value)


def _tracks(clips: Sequence[Clip], cache: Path, folder: Path) -> dict[str, Any]:
    """The tracks' digests, from a process with the workers' number of BLAS threads. RuntimeError if it fails."""
    out, log = folder / "tracks.json", folder / "tracks.log"
    options = ["--weights", str(weights.OWN.detector), "--cache", str(cache), "--out", str(out)]
    if worker_process.run(TRACKS, [*map(str, clips), *options], {}, log):
        raise RuntimeError(f"track_digest failed:\n{worker_process.log_tail(log)}")
    digests: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return digests


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Clip.parse, nargs="+", metavar="CLIP[@STRIDE]")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "output_digest.json")
    parser.add_argument("--against", type=Path, help="an earlier digest to compare with")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().path(WorkerConfig().cache_dir))
    options = parser.parse_args(arguments)
    keys = [clip.key for clip in options.clips]
    if len(set(keys)) < len(keys):
        parser.error("two clips have the same file name and stride")
    if options.against is not None and not options.against.is_file():
        parser.error(f"--against: {options.against} not found")
    return options


if __name__ == "__main__":
    sys.exit(main())

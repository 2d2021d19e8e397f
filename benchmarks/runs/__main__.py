"""What checkpoints cost and save: python -m video_analysis.benchmarks.runs.

One clip of real footage at stride 1 through yolo_worker (local PostgreSQL, SQS and S3): without and with checkpoints;
killed at 80% and continued; replayed from `track` without a change and with another max_age_s. Writes out/runs.json.
The second attempt is counted from its receive. The machine should be idle otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from video_analysis.benchmarks.bench.figures import JsonObject
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.runs import material
from video_analysis.benchmarks.runs.measurement import Site, Timed, kill
from video_analysis.devstack import local_stack, worker_process
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.yolo_worker.source import video

SECONDS, KILLED_AT, MAX_AGE_S, WARM_UP_S = 300.0, 0.8, 3.0, 5.0
VISIBILITY_S, HEARTBEAT_S = 10, 2
"""Short, so that the message of a killed worker is received again soon."""
LARGEST_RETRY_SHARE, LEAST_REPLAY_SPEED, LARGEST_COST, LARGEST_ETA_ERROR = 0.35, 8.0, 0.02, 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the figures reach their targets, 1 if not, 2 if a file is missing."""
    options = _options(arguments)
    clips, weights = material.clips(options.data), options.data / COCO_WEIGHTS
    if not clips or not weights.is_file():
        print(f"no clips of 640 px, or no {weights}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="cvitx-runs-") as name:
        folder = Path(name)
        clip = material.long_clip(clips, options.seconds, folder / "clip.mp4")
        warm_up = material.long_clip(clips, WARM_UP_S, folder / "warm_up.mp4")
        config = WorkerConfig(visibility_timeout_s=VISIBILITY_S, heartbeat_s=HEARTBEAT_S)
        with local_stack.started(folder, config, _settings(weights, options.cache)) as stack:
            figures = _measured(Site(stack, stack.environ, folder), clip, warm_up, options.rounds)
        figures["decode_ms_a_frame"] = decode_ms(clip)
    text = json.dumps(figures, indent=1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n", "utf-8")
    print(text)
    return 0 if all(figures["reached"].values()) else 1


def _settings(weights: Path, cache: Path) -> dict[str, str]:
    return {
        "CVITX_YOLO_WEIGHTS": str(weights.resolve()),
        "CVITX_CACHE_DIR": str(cache.resolve()),
        "CVITX_VISIBILITY_TIMEOUT_S": str(VISIBILITY_S),
        "CVITX_HEARTBEAT_S": str(HEARTBEAT_S),
        "CVITX_WAIT_TIME_S": "1",
    }


def _measured(site: Site, clip: Path, warm_up: Path, rounds: int) -> JsonObject:
    with_s, without_s = list[float](), list[float]()
    with site.worker() as (_, worker):
        site.finished(worker, site.send(warm_up))
        for _ in range(rounds):
            site.without_checkpoints(are_off=True)
            without_s.append(site.finished(worker, site.send(clip)).seconds)
            site.without_checkpoints(are_off=False)
            video_id = site.send(clip)
            half = site.until_progress(video_id, 0.5)
            half_s = time.time()
            whole = site.finished(worker, video_id)
            eta_error = half["eta_s"] / max(0.1, time.time() - half_s) - 1
            with_s.append(whole.seconds)
            _say(f"without checkpoints {without_s[-1]:.1f} s, with {with_s[-1]:.1f} s, {whole.vehicles} vehicles")
        facts = site.facts(whole.video_id)
        site.replay(whole.video_id, {})
        same = site.finished(worker, whole.video_id, 2)
        is_same = site.facts(whole.video_id) == facts
        site.replay(whole.video_id, {"track.max_age_s": MAX_AGE_S})
        changed = site.finished(worker, whole.video_id, 3)
        _say(f"replays: {same.seconds:.1f} s without a change, {changed.seconds:.1f} s with another max_age_s")
    second = _continued(site, clip)
    return _figures(min(without_s), min(with_s), eta_error, whole, same, changed, second) | {
        "replay_is_the_same": is_same,
        "continued_is_the_same": site.facts(second.video_id) == facts,
    }


def _continued(site: Site, clip: Path) -> Timed:
    """A video whose worker is killed; the second attempt."""
    with site.worker() as (process, _):
        video_id = site.send(clip)
        site.until_progress(video_id, KILLED_AT)
        kill(process)
    with site.worker() as (_, worker):
        return site.finished(worker, video_id)


def _figures(
    without_s: float, with_s: float, eta_error: float, whole: Timed, same: Timed, changed: Timed, second: Timed
) -> JsonObject:
    figures = {
        "cores": len(os.sched_getaffinity(0)),
        "frames": whole.frames,
        "vehicles": whole.vehicles,
        "without_checkpoints_s": without_s,
        "with_checkpoints_s": with_s,
        "checkpoint_cost": with_s / without_s - 1,
        "eta_error_at_half": eta_error,
        "second_attempt_s": second.seconds,
        "second_attempt_stored_frames": second.stored_frames,
        "second_attempt_share": second.seconds / with_s,
        "replay_s": changed.seconds,
        "replay_speed": with_s / changed.seconds,
        "replay_without_change_s": same.seconds,
    }
    return {
        **{name: round(value, 4) for name, value in figures.items()},
        "reached": {
            "checkpoint_cost": figures["checkpoint_cost"] <= LARGEST_COST,
            "eta_error_at_half": abs(eta_error) <= LARGEST_ETA_ERROR,
            "second_attempt_share": figures["second_attempt_share"] <= LARGEST_RETRY_SHARE,
            "replay_speed": figures["replay_speed"] >= LEAST_REPLAY_SPEED,
        },
    }


def decode_ms(clip: Path) -> Mapping[str, float]:
    """Wall-clock time per frame of decoding alone, with and without pictures."""
    found = {}
    for name, lazily in (("with_pictures", False), ("without_pictures", True)):
        begun_s = time.perf_counter()
        frames = sum(1 for _ in video.frames(clip, 1, lazily=lazily))
        found[name] = round(1000 * (time.perf_counter() - begun_s) / frames, 3)
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m video_analysis.benchmarks.runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real footage")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of the clip (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="runs with and without checkpoints; the fastest count")
    parser.add_argument("--cache", type=Path, default=PACKAGE_FOLDER / "out" / "model_cache")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "runs.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    worker_process.exit_on_signal()
    sys.exit(main())

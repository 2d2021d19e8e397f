"""What checkpoints cost and save: python -m video_analysis.benchmarks.runs.

Real footage at stride 1 through yolo_worker (local PostgreSQL, SQS and S3). Cost: a short clip without and with
checkpoints, in pairs. Savings: a long clip whole; replayed from `track` without a change and with another max_age_s;
killed at 80% and continued. The second attempt is counted from its receive. Writes out/runs.json. The machine should be
idle otherwise; --rounds 0 and --seconds 0 measure one half only.
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
from statistics import median

from video_analysis.benchmarks.bench.figures import JsonObject, rounded, summary
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.runs import material
from video_analysis.benchmarks.runs.measurement import Site, Timed, kill
from video_analysis.devstack import local_stack, worker_process
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.yolo_worker.source import video

SECONDS, COST_SECONDS, ROUNDS, KILLED_AT, MAX_AGE_S, WARM_UP_S = 300.0, 40.0, 5, 0.8, 3.0, 5.0
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
    figures: JsonObject = {"cores": len(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory(prefix="cvitx-runs-") as name:
        folder = Path(name)
        warm_up = material.long_clip(clips, WARM_UP_S, folder / "warm_up.mp4")
        config = WorkerConfig(visibility_timeout_s=VISIBILITY_S, heartbeat_s=HEARTBEAT_S)
        with local_stack.started(folder, config, _settings(weights, options.cache)) as stack:
            site = Site(stack, stack.environ, folder)
            if options.rounds:
                short = material.long_clip(clips, COST_SECONDS, folder / "short.mp4")
                figures |= _cost(site, short, warm_up, options.rounds)
            if options.seconds:
                clip = material.long_clip(clips, options.seconds, folder / "clip.mp4")
                figures |= _savings(site, clip, warm_up) | {"decode_ms_a_frame": decode_ms(clip)}
    reached = _reached(figures)
    text = json.dumps(figures | {"reached": reached}, indent=1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n", "utf-8")
    print(text)
    return 0 if all(reached.values()) else 1


def _settings(weights: Path, cache: Path) -> dict[str, str]:
    return {
        "CVITX_YOLO_WEIGHTS": str(weights.resolve()),
        "CVITX_CACHE_DIR": str(cache.resolve()),
        "CVITX_VISIBILITY_TIMEOUT_S": str(VISIBILITY_S),
        "CVITX_HEARTBEAT_S": str(HEARTBEAT_S),
        "CVITX_WAIT_TIME_S": "1",
    }


def _cost(site: Site, clip: Path, warm_up: Path, rounds: int) -> JsonObject:
    """Pairs without and with checkpoints, in turns first: the machine's speed changes slowly."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with site.worker() as (_, worker):
        site.finished(worker, site.send(warm_up))
        for number in range(rounds):
            for are_off in (number % 2 == 0, number % 2 == 1):
                with site.checkpoints(are_off=are_off):
                    seconds[are_off].append(site.finished(worker, site.send(clip)).seconds)
            _say(f"without checkpoints {seconds[True][-1]:.2f} s, with {seconds[False][-1]:.2f} s")
    ratios = [with_s / without_s - 1 for with_s, without_s in zip(seconds[False], seconds[True], strict=True)]
    return {
        "without_checkpoints_s": summary(seconds[True]),
        "with_checkpoints_s": summary(seconds[False]),
        "checkpoint_cost": {"median": rounded(median(ratios)), "samples": [rounded(one) for one in ratios]},
    }


def _savings(site: Site, clip: Path, warm_up: Path) -> JsonObject:
    with site.worker() as (_, worker):
        site.finished(worker, site.send(warm_up))
        video_id = site.send(clip)
        half = site.until_progress(video_id, 0.5)
        half_s = time.time()
        whole = site.finished(worker, video_id)
        eta_error = half["eta_s"] / max(0.1, time.time() - half_s) - 1
        _say(f"whole {whole.seconds:.1f} s, {whole.vehicles} vehicles; remaining time at half {eta_error:+.0%}")
        facts = site.facts(video_id)
        site.replay(video_id, {})
        same = site.finished(worker, video_id, 2)
        is_same = site.facts(video_id) == facts
        site.replay(video_id, {"track.max_age_s": MAX_AGE_S})
        changed = site.finished(worker, video_id, 3)
        _say(f"replays: {same.seconds:.1f} s without a change, {changed.seconds:.1f} s with another max_age_s")
    second = _continued(site, clip)
    return {
        "frames": whole.frames,
        "vehicles": whole.vehicles,
        "whole_s": whole.seconds,
        "eta_error_at_half": rounded(eta_error),
        "second_attempt_s": second.seconds,
        "second_attempt_stored_frames": second.stored_frames,
        "second_attempt_share": rounded(second.seconds / whole.seconds),
        "continued_is_the_same": site.facts(second.video_id) == facts,
        "replay_s": changed.seconds,
        "replay_speed": rounded(whole.seconds / changed.seconds),
        "replay_without_change_s": same.seconds,
        "replay_is_the_same": is_same,
    }


def _continued(site: Site, clip: Path) -> Timed:
    """A video whose worker is killed; the second attempt."""
    with site.worker() as (process, _):
        video_id = site.send(clip)
        site.until_progress(video_id, KILLED_AT)
        kill(process)
    with site.worker() as (_, worker):
        return site.finished(worker, video_id)


def _reached(figures: JsonObject) -> dict[str, bool]:
    """The targets of the figures that were measured."""
    reached = {}
    if "checkpoint_cost" in figures:
        reached["checkpoint_cost"] = figures["checkpoint_cost"]["median"] <= LARGEST_COST
    if "whole_s" in figures:
        reached |= {
            "eta_error_at_half": abs(figures["eta_error_at_half"]) <= LARGEST_ETA_ERROR,
            "second_attempt_share": figures["second_attempt_share"] <= LARGEST_RETRY_SHARE,
            "replay_speed": figures["replay_speed"] >= LEAST_REPLAY_SPEED,
            "same_rows": figures["continued_is_the_same"] and figures["replay_is_the_same"],
        }
    return reached


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
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of the long clip (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of the short clip (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=PACKAGE_FOLDER / "out" / "model_cache")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "runs.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    worker_process.exit_on_signal()
    sys.exit(main())

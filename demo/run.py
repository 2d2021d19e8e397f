"""`make demo`: a real clip through S3, SQS, both workers and PostgreSQL, on this machine, start to end."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from video_analysis.demo import contact_sheet, findings, pollers, stack, untrained
from video_analysis.demo.findings import Findings
from video_analysis.demo.pollers import Poller
from video_analysis.demo.stack import Stack
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

SHARED = PACKAGE_FOLDER.parent / "shared" / "data"
CLIP = SHARED / "video" / "residential_road_640x352_905f.mp4"
WEIGHTS = SHARED / "models" / "yolov8n_coco.pt"
POLL_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when every vehicle found has its picture and its finished row."""
    options = _options(arguments)
    missing = [f"{name}= (no {path})" for name, path in options.needed if not path.is_file()]
    if missing:
        print(f"make demo needs {' and '.join(missing)}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    config = WorkerConfig()
    checkpoint = options.main_model or _untrained_checkpoint(options.out)
    settings = {
        "CVITX_YOLO_WEIGHTS": str(options.weights.resolve()),
        "CVITX_MAIN_CHECKPOINT": str(checkpoint.resolve()),
        "CVITX_CACHE_DIR": str((options.out / "cache").resolve()),
        "CVITX_WAIT_TIME_S": "2",
    }
    print("starting PostgreSQL, SQS and S3 …", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-demo-", ignore_cleanup_errors=True) as folder,
        stack.started(Path(folder), config, settings) as environment,
    ):
        faults = _journey(environment, options)
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    print(f"{'failed' if faults else 'done'} after {time.monotonic() - begun:.0f} s")
    return 1 if faults else 0


def _journey(environment: Stack, options: Options) -> list[str]:
    """One clip all the way; what went wrong, in words."""
    task = environment.upload(options.video, options.stride, options.recorded_at)
    environment.send(task)
    print(f"sent PROCESS_VIDEO for {options.video.name}, stride {options.stride}", flush=True)
    with pollers.both(environment.environ, options.out) as workers:
        faults = _watch(environment, workers, task["video_id"])
        found = findings.read(environment, task["video_id"])
        if options.twice and not faults:
            environment.send(task)
            print("sent the same message again", flush=True)
            faults += _watch(environment, workers, task["video_id"])
            if findings.read(environment, task["video_id"]).digest() != found.digest():
                faults.append("the second run changed a row, a key or a byte")
        faults += [f"{worker.name} exited with {code}" for worker in workers if (code := worker.stop()) != 0]
    _show(found, workers, options.out)
    return faults + found.faults() + _messages_do_not_match(workers[0], found, runs=2 if options.twice else 1)


def _watch(environment: Stack, workers: Sequence[Poller], video_id: str) -> list[str]:
    """Print progress until both queues are empty; says so if a worker dies or a message is dead-lettered."""
    last = ""
    while True:
        for worker in workers:
            if worker.process.poll() is not None:
                return [f"{worker.name} ended with {worker.process.returncode}; its last words:\n{worker.last_words()}"]
        depths = [environment.depth(url) for url in (environment.video_queue_url, environment.snapshot_queue_url)]
        line = _progress(environment, workers[0], video_id)
        if line != last:
            print(line, flush=True)
            last = line
        if not any(depths):
            dead = [environment.depth(url) for url in (environment.video_dlq_url, environment.snapshot_dlq_url)]
            return [f"dead-lettered: {dead[0]} video and {dead[1]} snapshot messages"] if any(dead) else []
        time.sleep(POLL_S)


def _progress(environment: Stack, yolo: Poller, video_id: str) -> str:
    status = environment.sql("SELECT status FROM videos WHERE id = %s", video_id)[0]["status"]
    counts = environment.sql(
        "SELECT count(*) AS found, count(*) FILTER (WHERE status = 'done') AS done"
        " FROM image_analyses WHERE video_id = %s",
        video_id,
    )[0]
    seen = yolo.events("video progress")
    at = f", at {seen[-1]['offset_ms'] / 1000:.1f} s of the clip" if seen and status == "processing" else ""
    return f"  video {status}{at}; vehicles: {counts['found']} found, {counts['done']} classified"


def _messages_do_not_match(yolo: Poller, found: Findings, runs: int) -> list[str]:
    sent = len(yolo.events("snapshot ready"))
    expected = len(found.analyses) * runs
    return [] if sent == expected else [f"{sent} SNAPSHOT_READY for {len(found.analyses)} rows in {runs} run(s)"]


def _show(found: Findings, workers: Sequence[Poller], out: Path) -> None:
    """The table on the terminal, the contact sheet beside the logs."""
    print(f"\n{'track':>5} {'at':>8}  {'yolo type':<11} {'variant':<9} type / make / model")
    for row in found.rows:
        print(
            f"{row['track_id']:>5} {row['detected_in_ms'] / 1000:>7.2f}s  {row['yolo_type']:<11}"
            f" {row['variant'] or '-':<9} {' / '.join(_labels(row))}"
        )
    for done in workers[0].events("video done"):
        print(f"\n{done['frames']} frames, {done['vehicles']} vehicles; seconds by stage: {done['seconds']}")
    checkpoints = sorted({row["checkpoint"] for row in found.rows if row["checkpoint"]})
    print(f"main model: {', '.join(checkpoints) or 'none'}")
    pictures = []
    for row in found.analyses.values():
        snapshot = found.snapshots.get(row["snapshot_s3_key"].split("/", 3)[3])
        if snapshot is not None:
            title = f"#{row['track_id']} {row['detected_in_ms'] / 1000:.2f}s {row['yolo_type']}"
            pictures.append((snapshot.image, [title, " / ".join(_labels(row))]))
    cv2.imwrite(str(out / "contact_sheet.png"), contact_sheet.draw(pictures))
    print(f"contact sheet: {out / 'contact_sheet.png'}; logs: {out}/*.log")


def _labels(row: dict[str, object]) -> list[str]:
    """Type, make and model with their confidences; '?' where the model abstains."""
    shown = []
    for level in ("type", "make", "model"):
        label, confidence = row[f"{level}_label"], row[f"{level}_conf"]
        shown.append(f"{label or '?'} {confidence:.2f}" if confidence is not None else str(label or "?"))
    return shown


def _untrained_checkpoint(out: Path) -> Path:
    print("no main model given: exporting an untrained one; what it says of a vehicle means nothing", flush=True)
    path = out / "untrained.pt"
    untrained.export(path)
    return path


class Options(argparse.Namespace):
    """The command line."""

    video: Path
    weights: Path
    main_model: Path | None
    stride: int
    recorded_at: str | None
    twice: bool
    out: Path

    @property
    def needed(self) -> list[tuple[str, Path]]:
        """The files that must be there, by the variable of `make demo` that names them."""
        named = [("VIDEO", self.video), ("WEIGHTS", self.weights)]
        return named + ([("MAIN_MODEL", self.main_model)] if self.main_model else [])


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=CLIP, help="the clip (VIDEO= of make demo)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the detector (WEIGHTS= of make demo)")
    parser.add_argument("--main-model", type=Path, help="a main model's archive; without it an untrained one")
    parser.add_argument("--stride", type=int, default=3, help="every n-th frame is looked at (default 3)")
    parser.add_argument("--recorded-at", help="when the clip was recorded, RFC 3339 with an offset")
    parser.add_argument("--twice", action="store_true", help="send the message again and compare every row and byte")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "demo", help="where the results go")
    return parser.parse_args(arguments, Options())


if __name__ == "__main__":
    sys.exit(main())

"""`make demo`: a real clip through S3, SQS, both workers and PostgreSQL, on this machine, start to end."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from video_analysis.demo import findings, pollers, show, stack, untrained, watch
from video_analysis.demo.findings import Findings
from video_analysis.demo.pollers import Poller
from video_analysis.demo.stack import Stack
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

SHARED = PACKAGE_FOLDER.parent / "shared" / "data"
CLIP = SHARED / "video" / "residential_road_640x352_905f.mp4"
WEIGHTS = SHARED / "models" / "yolov8n_coco.pt"


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
        progress = partial(watch.of_video, environment, workers[0], task["video_id"])
        faults = watch.until_settled(environment, workers, progress)
        found = findings.read(environment, task["video_id"])
        if options.twice and not faults:
            environment.send(task)
            print("sent the same message again", flush=True)
            faults += watch.until_settled(environment, workers, progress)
            if findings.read(environment, task["video_id"]).digest() != found.digest():
                faults.append("the second run changed a row, a key or a byte")
        faults += [f"{worker.name} exited with {code}" for worker in workers if (code := worker.stop()) != 0]
    _show(found, workers[0], options.out)
    return faults + found.faults() + _messages_do_not_match(workers[0], found, runs=2 if options.twice else 1)


def _messages_do_not_match(yolo: Poller, found: Findings, runs: int) -> list[str]:
    sent = len(yolo.events("snapshot ready"))
    expected = len(found.analyses) * runs
    return [] if sent == expected else [f"{sent} SNAPSHOT_READY for {len(found.analyses)} rows in {runs} run(s)"]


def _show(found: Findings, yolo: Poller, out: Path) -> None:
    show.table(found)
    for done in yolo.events("video done"):
        print(f"{done['frames']} frames, {done['vehicles']} vehicles; seconds by stage: {done['seconds']}")
    if found.rows:
        show.sheet(found, out / "contact_sheet.png")
        print(f"contact sheet: {out / 'contact_sheet.png'}")
    print(f"logs: {out}/*.log")


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


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End by way of the with-blocks, which stop what was started."""
    print("interrupted", file=sys.stderr)
    sys.exit(130)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    sys.exit(main())

"""Decoding compared with OpenCV's VideoCapture: python -m video_analysis.benchmarks.decode --help.

Each clip is read by both, in turns; both give every frame as BGR with its time, and hold it until the next one. A clip
is a real one (without it a textured one), scaled to the size and encoded with the codec. Prints ms per frame of the
file, without opening it, of wall-clock or processor time: medians of the rounds, quartiles of the ratios of the pairs.
Below 1 the worker's decoder is faster.
The second table has the costs of what is done to pictures, as differences of two clips that are read in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import cv2

from video_analysis.benchmarks import decode_clips
from video_analysis.benchmarks.real_data import DATA
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.yolo_worker.source import open_video, video

Clock = Callable[[], float]
Reader = Callable[[], Iterator[int]]
"""Gives the number of each frame that it reads."""

CLIP = DATA / "video" / "highway_cars_trucks_1024x576.mp4"
STRIDES = {1: (1, 2), 3: (1,)}
"""Stride → numbers of threads. Frames that the stride skips are decoded, not converted."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
CLOCK_HELP = "cpu: processor time of all threads, for a machine that is busy (default: %(default)s)"
FIRST_FRAMES = 40
"""Not measured: the file is opened, and the first frames are examined for interlacing, once per video."""
COST_SIZE = "1080p"
RAISED_BYTES = 31 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """Two readings that were taken in turns; the second is the worker's, or the one with the additional step."""

    name: str
    threads: int
    stride: int
    first_ms: float
    second_ms: float
    ratio: tuple[float, float, float]
    """Second to first, of the pairs: lower quartile, median, upper quartile."""

    def __str__(self) -> str:
        low, middle, high = self.ratio
        times = f"{self.first_ms:9.2f} {self.second_ms:9.2f} {middle:7.2f} ({low:.2f} to {high:.2f})"
        return f"{self.name:28} {self.threads:7} {self.stride:6} {times}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--rounds", type=int, default=7, help="after one that warms up (default: %(default)s)")
    parser.add_argument(
        "--frames",
        type=int,
        default=100,
        help=f"per clip (default: %(default)s); the first {FIRST_FRAMES} are not measured",
    )
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help=CLOCK_HELP)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "decode.json")
    options = parser.parse_args(arguments)
    clip = options.clip if options.clip.is_file() else None
    facts = {"begun": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "load_before": os.getloadavg()[0], "clip": str(clip)}
    facts["clock"] = options.clock
    clock = CLOCKS[options.clock]
    bytearray(RAISED_BYTES)  # from now on the allocator keeps freed pictures, as after the loading of a network
    compared = _printed("OpenCV ms", "ours ms", _compared(clip, options.frames, options.rounds, clock))
    costs = _printed("without", "with", _costs(clip, options.frames, options.rounds, clock))
    facts["load_after"] = os.getloadavg()[0]
    print(facts)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    document = {"facts": facts, "compared": compared, "costs": costs}
    options.out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


def _printed(first: str, second: str, rows: Iterator[Row]) -> list[dict[str, object]]:
    print(f"{'':28} threads stride {first:>9} {second:>9} {'ratio':>7}")
    done = []
    for row in rows:
        print(row, flush=True)
        done.append(asdict(row))
    return done


def _compared(clip: Path | None, frames: int, rounds: int, clock: Clock) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cvitx-decode-") as folder:
        for name, size in decode_clips.SIZES.items():
            pictures = decode_clips.pictures(clip, frames, size)
            for codec, how in decode_clips.CODECS.items():
                path = decode_clips.encoded(pictures, Path(folder) / "clip.mp4", how)
                for stride, threads in STRIDES.items():
                    for number in threads:
                        pair = _opencv(path, number, stride), _ours(path, number, stride)
                        ms = _pairs(*pair, rounds, frames, clock)
                        yield _row(f"{name} {codec}", number, stride, ms)


def _costs(clip: Path | None, frames: int, rounds: int, clock: Clock) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cvitx-decode-") as folder:
        pictures = decode_clips.pictures(clip, frames, decode_clips.SIZES[COST_SIZE])
        for name, encodings in decode_clips.COSTS.items():
            paths = [
                decode_clips.encoded(pictures, Path(folder) / f"{number}.mp4", how)
                for number, how in enumerate(encodings)
            ]
            without, with_it = (_ours(path, 1, 1) for path in paths)
            yield _row(f"{COST_SIZE} {name}", 1, 1, _pairs(without, with_it, rounds, frames, clock))


def _pairs(first: Reader, second: Reader, rounds: int, frames: int, clock: Clock) -> list[tuple[float, float]]:
    """ms per frame of both in each round; the round before the first is a warm-up."""
    pairs = [(_ms(first, clock), _ms(second, clock)) for _ in range(rounds + 1)][1:]
    return [(before / (frames - FIRST_FRAMES), after / (frames - FIRST_FRAMES)) for before, after in pairs]


def _row(name: str, threads: int, stride: int, pairs: Sequence[tuple[float, float]]) -> Row:
    low, middle, high = quantiles((after / before for before, after in pairs), n=4, method="inclusive")
    before, after = (median(times) for times in zip(*pairs, strict=True))
    return Row(name, threads, stride, before, after, (low, middle, high))


def _ms(read: Reader, clock: Clock) -> float:
    begun_s = 0.0
    for index in read():
        if begun_s == 0 and index >= FIRST_FRAMES:
            begun_s = clock()
    return 1000 * (clock() - begun_s)


def _opencv(path: Path, threads: int, stride: int) -> Reader:
    def read() -> Iterator[int]:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        for index in count():
            if not capture.grab():
                break
            capture.get(cv2.CAP_PROP_POS_MSEC)
            if index % stride == 0:
                _, _held = capture.retrieve()
                yield index
        capture.release()

    return read


def _ours(path: Path, threads: int, stride: int) -> Reader:
    def read() -> Iterator[int]:
        with _at_most(threads):
            for frame in video.frames(path, stride):
                yield frame.index

    return read


@contextmanager
def _at_most(threads: int) -> Iterator[None]:
    before = open_video.MOST_THREADS
    open_video.MOST_THREADS = threads
    try:
        yield
    finally:
        open_video.MOST_THREADS = before


if __name__ == "__main__":
    sys.exit(main())

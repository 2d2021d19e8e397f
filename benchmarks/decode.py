"""Decoding compared with OpenCV's VideoCapture: python -m video_analysis.benchmarks.decode --help.

Each clip is opened and read by both, in turns; both give every frame as BGR with its time. A clip is a real one, scaled
to the size and encoded with the codec. Prints a table of ms per frame: the medians of the rounds, and the median of the
ratios of the pairs. Below 1 the worker's decoder is faster.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import median
from typing import cast

import av
import cv2

from video_analysis.benchmarks.real_data import DATA
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.yolo_worker.source import open_video, video

CLIP = DATA / "video" / "highway_cars_trucks_1024x576.mp4"
SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
CODECS = {
    "H.264": ("libx264", {"preset": "veryfast"}),
    "HEVC": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "MPEG-4": ("mpeg4", {"b": "4000000"}),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One clip at one number of threads."""

    size: str
    codec: str
    threads: int
    opencv_ms: float
    ours_ms: float
    ratio: float
    """Ours to OpenCV's: median of the pairs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all pairs; 2 where the clip is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "decode.json")
    options = parser.parse_args(arguments)
    if not options.clip.is_file():
        print(f"no clip at {options.clip}: name one", file=sys.stderr)
        return 2
    rows = []
    print(f"{'size':6} {'codec':7} {'threads':>7} {'OpenCV ms':>10} {'ours ms':>8} {'ratio':>6}")
    for row in _rows(options.clip, options.frames, options.rounds, options.threads):
        rows.append(asdict(row))
        print(f"{row.size:6} {row.codec:7} {row.threads:7} {row.opencv_ms:10.2f} {row.ours_ms:8.2f} {row.ratio:6.2f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=1), "utf-8")
    return 0


def _rows(clip: Path, frames: int, rounds: int, threads: Sequence[int]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cvitx-decode-") as folder:
        for size in SIZES:
            for codec in CODECS:
                path = _encoded(clip, Path(folder) / "clip.mp4", size, codec, frames)
                for count in threads:
                    pairs = [(_opencv_ms(path, count), _ours_ms(path, count)) for _ in range(rounds + 1)][1:]
                    opencv, ours = (median(times) for times in zip(*pairs, strict=True))
                    yield Row(size, codec, count, opencv, ours, median(ours / opencv for opencv, ours in pairs))


def _encoded(clip: Path, target: Path, size: str, codec: str, frames: int) -> Path:
    encoder, options = CODECS[codec]
    width, height = SIZES[size]
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        stream = cast("av.VideoStream", output.add_stream(encoder, rate=25, options=options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index, frame in enumerate(islice(source.decode(video=0), frames)):
            scaled = frame.reformat(width, height, "yuv420p")
            scaled.pts, scaled.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(scaled))
        output.mux(stream.encode(None))
    return target


def _opencv_ms(path: Path, threads: int) -> float:
    begun_s, count = time.perf_counter(), 0
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
    while capture.grab():
        capture.get(cv2.CAP_PROP_POS_MSEC)
        capture.retrieve()
        count += 1
    capture.release()
    return 1000 * (time.perf_counter() - begun_s) / count


def _ours_ms(path: Path, threads: int) -> float:
    with _at_most(threads):
        begun_s = time.perf_counter()
        count = sum(1 for _ in video.frames(path, 1))
        return 1000 * (time.perf_counter() - begun_s) / count


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

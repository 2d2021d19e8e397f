"""Colours of HDR video: python -m video_analysis.benchmarks.hdr_colour --help.

Encodes the photographs of ../shared/data/colour as 10-bit video in SDR, PQ and HLG, reads them as stage 1 does, and
counts the main colours that are right. Prints a table and writes out/hdr_colour.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Protocol
from unittest.mock import patch

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.benchmarks import colour
from video_analysis.benchmarks.real_data import DATA
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.yolo_worker.source import picture, tone_map, video
from video_analysis.yolo_worker.types import Image

OUT = PACKAGE_FOLDER / "out" / "hdr_colour.json"
JPEG_QUALITY = 95
SIDE_PX = 640
PQ, HLG, BT709 = 16, 18, 1
"""Transfer functions by their code points in ITU-T H.273."""
KR_KB = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
"""Of the matrices BT.709 and BT.2020 by their code points."""
Signal = NDArray[np.float64]
"""H×W×3, R'G'B', 0..1."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--white", type=float, default=tone_map.WHITE_NITS, help="SDR white in the HDR signal, cd/m²")
    parser.add_argument("--as-sdr", action="store_true", help="skip the mapping to SDR: what it is worth")
    options = parser.parse_args(arguments)
    paths = sorted((options.data / "colour").glob("*/*.jpg"))
    figures: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-hdr-") as folder,
        patch.dict(picture.TRANSFERS, clear=options.as_sdr),
    ):
        for name, (transfer, to_signal) in ENCODINGS.items():
            clip = encoded(Path(folder) / "clip.mp4", paths, transfer, partial(to_signal, white_nits=options.white))
            figures[name] = right(clip, paths)
            print(f"{name:<4} {figures[name]} of {len(paths)}", flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures | {"pictures": len(paths)}, indent=2) + "\n", "utf-8")


def sdr(signal: Signal, *, white_nits: float) -> Signal:  # noqa: ARG001  # the same for all encodings
    """The signal itself."""
    return signal


def light(signal: Signal) -> Signal:
    """SDR signal → light of the display relative to its white, BT.2020 primaries."""
    linear = signal**tone_map.DISPLAY_GAMMA
    return np.clip(linear @ np.linalg.inv(tone_map.TO_709.astype(np.float64)).T, 0, None)


def pq(signal: Signal, *, white_nits: float) -> Signal:
    """SDR signal → PQ signal: the inverse EOTF of ITU-R BT.2100-2, table 4."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = (light(signal) * white_nits / 10_000) ** m1
    coded: Signal = ((c1 + c2 * power) / (1 + c3 * power)) ** m2
    return coded


def hlg(signal: Signal, *, white_nits: float) -> Signal:
    """SDR signal → HLG signal: the inverse OOTF and the OETF of ITU-R BT.2100-2, table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    relative = light(signal) * white_nits / tone_map.HLG_PEAK_NITS
    luminance = np.maximum(relative @ tone_map.LUMINANCE_2020.astype(np.float64), 1e-9)[..., None]
    scene = relative * luminance ** (1 / tone_map.HLG_GAMMA - 1)
    coded: Signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)
    return coded


class ToSignal(Protocol):
    """Encodes a picture."""

    def __call__(self, signal: Signal, *, white_nits: float) -> Signal:
        """SDR signal → signal of the encoding."""


ENCODINGS: dict[str, tuple[int, ToSignal]] = {"SDR": (BT709, sdr), "PQ": (PQ, pq), "HLG": (HLG, hlg)}
"""Transfer function and encoder of each."""


def encoded(target: Path, paths: Sequence[Path], transfer: int, to_signal: Callable[[Signal], Signal]) -> Path:
    """One frame per photograph, 640×640, 10 bits, H.264."""
    matrix = 1 if transfer == BT709 else 9
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.options = {"crf": "12", "preset": "ultrafast"}
        stream.width = stream.height = SIDE_PX
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_range, context.color_trc, context.color_primaries = (
            matrix,
            1,
            transfer,
            matrix,
        )
        for index, path in enumerate(paths):
            frame = _frame(to_signal(letterboxed(path)[..., ::-1] / 255), matrix)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target


@cache
def letterboxed(path: Path) -> Image:
    """The photograph as its snapshot shows it."""
    jpeg = encode_snapshot(np.asarray(cv2.imread(str(path)), np.uint8), JPEG_QUALITY)
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _frame(signal: Signal, matrix: int) -> av.VideoFrame:
    """R'G'B' → Y'CbCr 4:2:0 with 10 bits, limited range."""
    kr, kb = KR_KB[matrix]
    luma = signal @ np.array([kr, 1 - kr - kb, kb])
    chroma = [(signal[..., 2] - luma) / (2 * (1 - kb)), (signal[..., 0] - luma) / (2 * (1 - kr))]
    half = [cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for plane in chroma]
    frame = av.VideoFrame(SIDE_PX, SIDE_PX, "yuv420p10le")
    for plane, values in zip(frame.planes, [876 * luma + 64, *(896 * plane + 512 for plane in half)], strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : plane.width] = np.clip(np.rint(values), 4, 1019)
        plane.update(rows.tobytes())
    return frame


def right(clip: Path, paths: Sequence[Path]) -> int:
    """How many photographs have the right main colour in the clip."""
    shots = (
        colour.read("video", path.name, encode_snapshot(frame.image, JPEG_QUALITY), _truth(path), None)
        for path, frame in zip(paths, video.frames(clip, 1), strict=True)
    )
    return sum(shot.right for shot in shots)


def _truth(path: Path) -> list[colour.TrueColor]:
    return [(None, path.parent.name.capitalize(), None)]


if __name__ == "__main__":
    main()

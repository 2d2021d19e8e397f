"""The demo's command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.contracts import timestamps

LARGEST_STRIDE = 2**31 - 1
"""Largest value of the column frame_stride."""


class Options(argparse.Namespace):
    """The command line. None means the demo's own default."""

    video: Path | None
    weights: Path | None
    main_model: Path | None
    stride: int
    recorded_at: str | None
    twice: bool
    out: Path

    @property
    def missing_files(self) -> list[str]:
        """Given files that do not exist, with the variable of `make demo`."""
        named = {"VIDEO": self.video, "WEIGHTS": self.weights, "MAIN_MODEL": self.main_model}
        return [f"{name}= (no {path})" for name, path in named.items() if path is not None and not path.is_file()]


def parse(arguments: Sequence[str] | None) -> Options:
    """Parse the command line; exits with status 2 if it is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m video_analysis.demo.run",
        description="A clip through S3, SQS, both workers and PostgreSQL, on this machine, start to end.",
    )
    parser.add_argument("--video", type=Path, help="the clip (VIDEO= of make demo); without it one is rendered")
    parser.add_argument("--weights", type=Path, help="the detector (WEIGHTS=); without it the demo's own")
    parser.add_argument("--main-model", type=Path, help="a main model (MAIN_MODEL=); without it the demo's own two")
    parser.add_argument("--stride", type=_stride, default=3, help="process every n-th frame (default 3)")
    parser.add_argument("--recorded-at", type=_instant, help="when it was recorded, RFC 3339 with an offset")
    parser.add_argument("--twice", action="store_true", help="send the message again and compare every row and byte")
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "demo", help="where the results go")
    return parser.parse_args(arguments, Options())


def _stride(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_STRIDE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {LARGEST_STRIDE}")
    return int(text)


def _instant(text: str) -> str:
    """The text, if it is a valid instant."""
    try:
        timestamps.parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
    return text

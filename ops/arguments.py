"""Argument parsing that all commands share."""

from __future__ import annotations

import argparse
import re
import textwrap
from datetime import datetime
from pathlib import Path

from video_analysis.ops import exit_status
from video_analysis.worker_utils.contracts import s3_keys, timestamps

WIDTH = 79
EXIT_STATUS = textwrap.wrap(f"exit status: {exit_status.TEXT} (docs/commands.md)", WIDTH)


def parser(command: str, about: str, *examples: str) -> argparse.ArgumentParser:
    """A parser; its --help shows the paragraphs of `about`, `examples` (arguments of calls) and the exit statuses."""
    program = f"python -m video_analysis.ops {command}"
    lines = ["example:" if len(examples) == 1 else "examples:", *(f"  {program} {example}" for example in examples)]
    return argparse.ArgumentParser(
        prog=program,
        description="\n\n".join(textwrap.fill(paragraph, WIDTH) for paragraph in about.split("\n\n")),
        epilog="\n".join([*lines, "", *EXIT_STATUS]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def uuid(text: str) -> str:
    """An argparse type: a UUID, converted to lower case."""
    if not re.fullmatch(s3_keys.UUID, text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID")
    return text.lower()


def camera_code(text: str) -> str:
    """An argparse type: the code of a camera."""
    if not re.fullmatch(s3_keys.CAMERA_CODE, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not CAM and 1 to 20 digits")
    return text


def instant(text: str) -> datetime:
    """An argparse type: an RFC 3339 date-time with an offset."""
    try:
        return timestamps.parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def count(text: str) -> int:
    """An argparse type: an integer, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)


def seconds(text: str) -> float:
    """An argparse type: a duration in seconds, more than 0."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text) or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return float(text)


def html_path(text: str) -> Path:
    """An argparse type: a file whose name ends in .html."""
    if not text.endswith(".html"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html")
    return Path(text)


def rate(text: str) -> float:
    """An argparse type: a number per second, 0.01 to 1000."""
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", text) or not 0.01 <= float(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate per second from 0.01 to 1000")
    return float(text)


def add_scope(parser: argparse.ArgumentParser, video: str, workspace: str) -> None:
    """Add --video and --workspace, of which one is needed, with these help texts."""
    scope = parser.add_mutually_exclusive_group(required=True)
    scope.add_argument("--video", type=uuid, metavar="UUID", help=video)
    scope.add_argument("--workspace", type=uuid, metavar="UUID", help=workspace)


def add_period(parser: argparse.ArgumentParser) -> None:
    """Add --since and --until."""
    parser.add_argument(
        "--since",
        type=instant,
        metavar="INSTANT",
        help="RFC 3339 with an offset; compared with detected_at, or with created_at if that is null",
    )
    parser.add_argument("--until", type=instant, metavar="INSTANT", help="exclusive")

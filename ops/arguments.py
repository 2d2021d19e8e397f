"""What the operator's commands of this worker ask for alike."""

from __future__ import annotations

import argparse
import re

from video_analysis.worker_utils.contracts import s3_keys


def uuid(text: str) -> str:
    """A UUID in lower case, as an argparse type."""
    if not re.fullmatch(s3_keys.UUID, text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is no UUID")
    return text.lower()

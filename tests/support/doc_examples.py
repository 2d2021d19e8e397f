"""The README's examples, cut out."""

from __future__ import annotations

import json
import re
from typing import Any

from video_analysis.worker_config import PACKAGE_FOLDER

TEXT = (PACKAGE_FOLDER / "README.md").read_text("utf-8")
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for _, name, body in _FENCE.findall(TEXT) if name == language]


def documents(member: str) -> list[dict[str, Any]]:
    """The JSON objects that have `member`, in order."""
    return [document for block in blocks("json") if member in (document := json.loads(block))]

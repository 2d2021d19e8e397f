"""README, CONTRIBUTING and the pages of docs/, and the examples in them."""

from __future__ import annotations

import json
import re
from typing import Any

from video_analysis.worker_config import PACKAGE_FOLDER

DOCS = tuple(path.relative_to(PACKAGE_FOLDER).as_posix() for path in sorted((PACKAGE_FOLDER / "docs").rglob("*.md")))
PAGES = {name: (PACKAGE_FOLDER / name).read_text("utf-8") for name in ("README.md", *DOCS, "CONTRIBUTING.md")}
"""Path from the root → text."""
TEXT = "\n".join(PAGES.values())
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for _, name, body in _FENCE.findall(TEXT) if name == language]


def documents(member: str) -> list[dict[str, Any]]:
    """The JSON objects that have `member`, in order."""
    return [document for block in blocks("json") if member in (document := json.loads(block))]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)

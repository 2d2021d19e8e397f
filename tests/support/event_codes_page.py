"""The table of docs/event-codes.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from video_analysis.worker_config import PACKAGE_FOLDER

ROW = re.compile(r"^\| `([^`]+)` \| ([A-Z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One event as documented."""

    levels: set[str]
    fields: set[str]


def documented() -> dict[str, Row]:
    """Code → its row."""
    text = (PACKAGE_FOLDER / "docs/event-codes.md").read_text("utf-8").partition("## Events")[2]
    rows = ROW.findall(text)
    assert len(rows) == len({code for code, *_ in rows}), "an event has two rows"
    assert [code for code, *_ in rows] == sorted(code for code, *_ in rows)
    return {code: Row(set(levels.split(", ")), set(re.findall(r"`(\w+)`", fields))) for code, levels, _, fields in rows}

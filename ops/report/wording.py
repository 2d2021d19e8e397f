"""Formatting of numbers, times and missing values in the report. Pure; every returned text is safe in HTML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from html import escape
from typing import Any

REASONS: Mapping[str, str] = {
    "below_threshold": "confidence below the threshold",
    "parent_abstained": "the level above is not sure",
    "no_children": "no finer names in the hierarchy",
    "out_of_distribution": "unlike the vehicles whose makes the model was trained on",
    "no_text_line": "no text that looks like a plate",
    "text_too_small": "the text is too small",
    "no_plate_text": "no text of the length of a plate",
    "timeout": "the time limit was reached",
    "reader_busy": "the reader was still busy with an earlier picture",
    "read_failed": "the reader failed",
    "last_good": "fallback: the last checkpoint of the model store that loaded",
    "fallback_checkpoint": "fallback: CVITX_FALLBACK_CHECKPOINT",
}
"""A code of main_worker/evidence.py → its sentence."""


def text(value: object) -> str:
    """Anything as text for an element or a quoted attribute."""
    return escape(str(value), quote=True)


def offset(milliseconds: int) -> str:
    """A position in a video: m:ss.mmm, or h:mm:ss.mmm from one hour on."""
    seconds, ms = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{ms:03d}" if hours else f"{minutes}:{seconds:02d}.{ms:03d}"


def day_and_time(instant: datetime | None, zone: tzinfo) -> str:
    """An instant with its UTC offset; a dash for None."""
    return "–" if instant is None else instant.astimezone(zone).isoformat(" ", "seconds")


def clock(instant: datetime, zone: tzinfo) -> str:
    """The time of day, to the millisecond."""
    return instant.astimezone(zone).strftime("%H:%M:%S.%f")[:-3]


def percent(confidence: float) -> str:
    """A confidence of 0..1 as a percentage; 100% only for 1."""
    if 0.99 < confidence < 1:
        return f"{min(confidence * 100, 99.9):.1f}%"
    return f"{confidence * 100:.0f}%"


def bar(share: float) -> str:
    """A thin bar, filled to `share` (0..1). Hidden from screen readers, since the number is next to it."""
    return f'<span class="bar" aria-hidden="true"><i style="width:{min(max(share, 0.0), 1.0) * 100:.1f}%"></i></span>'


def color(described: dict[str, Any]) -> str:
    """Finish, lightness and base, such as Metallic Light Silver."""
    words = [described.get("finish"), described.get("lightness"), described.get("base")]
    name = " ".join(text(word) for word in words if word)
    confidence = described.get("conf")
    return name if confidence is None else f"{name} <small>{percent(confidence)}</small>"


def reason(code: str, detail: str | None = None) -> str:
    """The sentence for a code in `evidence`, with its detail. Sentences of older versions are kept as they are."""
    sentence = REASONS.get(code, code)
    return text(sentence if detail is None else f"{sentence}: {detail}")


def count(number: int, noun: str) -> str:
    """1 vehicle, 2 vehicles."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def every(stride: int | None) -> str:
    """The frames that a stride selects; null is the contract's 3."""
    stride = stride or 3
    return "each" if stride == 1 else f"one in {stride}"

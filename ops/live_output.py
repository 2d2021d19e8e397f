"""Shows what changes: bars with `rich`, one line that is rewritten on a terminal, or one line per change."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

PLAIN_EVERY_S = 10.0
"""Without a terminal, a line that changes all the time is printed at most this often."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A state: its text, its JSON object, the shares (0 to 1) of its bars by their names, and its stable part."""

    text: str
    document: Mapping[str, Any]
    bars: Mapping[str, float]
    state: str
    """A change of it is printed at once."""


class Output(Protocol):
    """Shows one state after the other."""

    def show(self, shown: Shown) -> None:
        """Show a state."""


@contextmanager
def opened(*, as_json: bool) -> Iterator[Output]:
    """The output for this stdout: JSON lines, `rich` on a terminal where it is installed, or text."""
    if as_json:
        yield _JsonLines()
    elif not sys.stdout.isatty():
        yield _PlainLines()
    elif not has_rich():
        output = _TerminalLine()
        yield output
        output.close()
    else:
        from video_analysis.ops.rich_output import bars  # noqa: PLC0415  # rich is optional

        with bars() as shown:
            yield shown


def has_rich() -> bool:
    """Whether the optional package is installed (requirements-ops.txt)."""
    return importlib.util.find_spec("rich") is not None


class _JsonLines:
    def __init__(self) -> None:
        self._last = ""

    def show(self, shown: Shown) -> None:
        line = json.dumps(shown.document, default=str)
        if line != self._last:
            self._last = line
            print(line, flush=True)


class _PlainLines:
    def __init__(self) -> None:
        self._text = self._state = ""
        self._printed_s = 0.0

    def show(self, shown: Shown) -> None:
        is_due = shown.text != self._text and time.monotonic() - self._printed_s >= PLAIN_EVERY_S
        if is_due or shown.state != self._state:
            self._text, self._state, self._printed_s = shown.text, shown.state, time.monotonic()
            print(shown.text, flush=True)


class _TerminalLine:
    def show(self, shown: Shown) -> None:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{shown.text[:width]}", end="", flush=True)

    def close(self) -> None:
        print(flush=True)

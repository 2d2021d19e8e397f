"""The output of `live_output` with `rich`: one bar per share, and the text below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from video_analysis.ops.live_output import Shown

BAR_CELLS = 40


class _Bars:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, shown: Shown) -> None:
        """Replace what is shown."""
        grid = Table.grid(padding=(0, 2))
        for name, share in shown.bars.items():
            grid.add_row(name, ProgressBar(total=1, completed=share, width=BAR_CELLS), f"{share:.0%}")
        self._live.update(Group(grid, Text(shown.text)), refresh=True)


@contextmanager
def bars() -> Iterator[_Bars]:
    """Bars on stdout; the last ones stay when the block ends."""
    with Live(console=Console(), auto_refresh=False) as live:
        yield _Bars(live)

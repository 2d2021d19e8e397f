"""The one error of a user's labels: every fault with its file, row and column, and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SHOWN = 10


class LabelError(ValueError):
    """Labels or pictures that cannot be used. The text has one line per fault, at most MOST_SHOWN of them."""

    def __init__(self, faults: Sequence[str]) -> None:
        further = len(faults) - MOST_SHOWN
        more = [f"and {further} more"] if further > 0 else []
        super().__init__("\n".join([*faults[:MOST_SHOWN], *more]))

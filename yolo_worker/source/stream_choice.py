"""Which of a file's video streams is the recording. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONG_SHARE = 0.5
"""A stream shorter than this share of the longest one is a preview or a fragment, even if it is large."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One video stream, as its container describes it."""

    index: int
    codec: str
    """Empty where the container does not name it."""
    width_px: int
    height_px: int
    length_s: float | None
    """None where the container does not state it."""
    is_default: bool = False
    is_picture: bool = False
    """An attached picture, a thumbnail or a still image."""
    can_be_decoded: bool = True

    @property
    def area_px(self) -> int:
        """Coded size."""
        return self.width_px * self.height_px

    def __str__(self) -> str:
        length = "" if self.length_s is None else f" {self.length_s:.1f} s"
        return f"{self.index}: {self.codec} {self.width_px}×{self.height_px}{length}"


def main_stream(candidates: Sequence[Candidate]) -> Candidate | None:
    """The largest of the long streams; among equals the default one, then the first. None where all are pictures.

    A stream that cannot be decoded is chosen only where no other is left, so that the refusal can name its codec.
    """
    films = [candidate for candidate in candidates if not candidate.is_picture]
    usable = [candidate for candidate in films if candidate.can_be_decoded] or films
    longest_s = max((candidate.length_s for candidate in usable if candidate.length_s is not None), default=0.0)

    def rank(candidate: Candidate) -> tuple[bool, int, bool, int]:
        is_long = candidate.length_s is None or candidate.length_s >= LONG_SHARE * longest_s
        return is_long, candidate.area_px, candidate.is_default, -candidate.index

    return max(usable, key=rank, default=None)

"""The rate of frames of one attempt: on average, and lately."""

from __future__ import annotations

from collections import deque

LATEST_SHARE, LEAST_S = 0.25, 10.0


class FrameRate:
    """The frames per second of an attempt.

    The speed of a host changes while a video is processed, and the first frames are the slowest. The latest quarter of
    the attempt, at least 10 s, estimates the remaining time better than the average: long attempts still have a rate
    over minutes of footage.
    """

    def __init__(self, now_s: float, frames: int = 0) -> None:
        """`frames` are done before the attempt begins, and do not count."""
        self._begun = now_s, frames
        self._samples = deque([self._begun])

    def add(self, now_s: float, frames: int) -> None:
        """Note how many frames are done now."""
        self._samples.append((now_s, frames))
        start_s = now_s - max(LEAST_S, LATEST_SHARE * (now_s - self._begun[0]))
        while self._samples[1][0] <= start_s:
            self._samples.popleft()

    def average(self, now_s: float, frames: int) -> float | None:
        """Since the begin; None without a frame."""
        return _rate(self._begun, (now_s, frames))

    def latest(self, now_s: float, frames: int) -> float | None:
        """Since the first sample of the latest part; None without a frame since then."""
        return _rate(self._samples[0], (now_s, frames))


def _rate(start: tuple[float, int], end: tuple[float, int]) -> float | None:
    seconds, frames = end[0] - start[0], end[1] - start[1]
    return frames / seconds if frames > 0 and seconds > 0 else None

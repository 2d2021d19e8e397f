"""Reads the stored input of a video's first frames, one part at a time. What cannot be read is computed instead."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from video_analysis.worker_utils.db.run_types import CheckpointPart
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.yolo_worker.runs import checkpoint_format
from video_analysis.yolo_worker.runs.frame_input import FrameInput

Fetch = Callable[[str, int], bytes]
"""(key, most bytes) → content."""


class StoredFrames:
    """The stored frames in the order of processing. After the first one that is missing, none is used."""

    def __init__(
        self, parts: Sequence[CheckpointPart], fetch: Fetch, on_ignored: Callable[[CheckpointPart, Exception], None]
    ) -> None:
        """`parts` may overlap; earlier ones in the sequence are tried first."""
        self._parts = list(parts)
        self._fetch = fetch
        self._on_ignored = on_ignored
        self._loaded: dict[int, FrameInput] = {}
        self.count = 0
        """Frames that were used."""

    def take(self, index: int) -> FrameInput | None:
        """The input of the next frame; None if it is not stored, and for each frame after that."""
        while index not in self._loaded:
            part = next((part for part in self._parts if part.first_frame <= index <= part.last_frame), None)
            if part is None:
                self._parts, self._loaded = [], {}
                return None
            self._parts.remove(part)
            self._loaded = self._frames(part)
        self.count += 1
        return self._loaded.pop(index)

    def _frames(self, part: CheckpointPart) -> dict[int, FrameInput]:
        try:
            content = self._fetch(part.s3_key, min(part.bytes, checkpoint_format.LARGEST_BYTES))
            if hashlib.sha256(content).hexdigest() != part.sha256:
                raise ValueError("has another SHA-256 than its row")
            return {frame.index: frame for frame in checkpoint_format.decode(content)}
        except (WorkerError, ValueError) as failure:
            self._on_ignored(part, failure)
            return {}

"""The tracker's input for one frame: its boxes, the embeddings that were taken of them, and the camera's motion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from video_analysis.yolo_worker.types import Boxes, CameraMotion, Embedding, Embeddings, Frame

OVERHEAD_BYTES = 500
"""Of the objects of one frame in memory, besides its arrays."""
Compute = Callable[[Frame, Boxes], Embeddings]


class FrameInput:
    """Boxes of one frame; embeddings are added while the frame is tracked."""

    def __init__(
        self,
        index: int,
        offset_ms: int,
        boxes: Boxes,
        vectors: dict[int, Embedding] | None = None,
        motion: CameraMotion | None = None,
    ) -> None:
        """`vectors`: row of `boxes` → its embedding. `motion`: None until it is measured."""
        self.index = index
        self.offset_ms = offset_ms
        self.boxes = boxes
        self.vectors = {} if vectors is None else vectors
        self.motion = motion
        self._rows = {box.tobytes(): row for row, box in enumerate(boxes)}

    @property
    def nbytes(self) -> int:
        """Size in memory, about."""
        return OVERHEAD_BYTES + self.boxes.nbytes + sum(vector.nbytes for vector in self.vectors.values())

    def embed(self, frame: Frame, boxes: Boxes, compute: Compute) -> Embeddings:
        """One embedding per box. Unknown ones are computed; those of rows of this frame are kept."""
        keys = [self._rows.get(box.tobytes(), len(self.boxes) + position) for position, box in enumerate(boxes)]
        unknown = [position for position, row in enumerate(keys) if row not in self.vectors]
        if not keys:
            return compute(frame, boxes)
        found = dict(self.vectors)
        if unknown:
            computed = compute(frame, boxes[unknown])
            found |= {keys[position]: vector for position, vector in zip(unknown, computed, strict=True)}
            self.vectors = {row: vector for row, vector in found.items() if row < len(self.boxes)}
        return np.stack([found[row] for row in keys])

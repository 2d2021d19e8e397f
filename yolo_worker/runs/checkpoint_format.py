"""The content of one checkpoint part: an npz file with the tracker's input of consecutive frames. Pure.

Arrays (F frames, B boxes, V embeddings of N numbers): `index` and `offset_ms` int64[F]; `counts` int64[F], boxes per
frame; `motion` float64[F×4], the camera's shift with and without small changes, NaN if it was not measured; `boxes`
float32[B×6]; `rows` int64[V], the embedded rows of `boxes`; `vectors` float32[V×N]. All have the precision in which
the tracker uses them, so that the same frames give the same tracks bit for bit.
"""

from __future__ import annotations

import io
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.runs.frame_input import FrameInput
from video_analysis.yolo_worker.types import CameraMotion

LARGEST_BYTES = 64 << 20
"""Of a part, and of its arrays together when they are decompressed."""
ARRAYS: dict[str, tuple[type[np.generic], int]] = {
    "index": (np.int64, 1),
    "offset_ms": (np.int64, 1),
    "counts": (np.int64, 1),
    "motion": (np.float64, 2),
    "boxes": (np.float32, 2),
    "rows": (np.int64, 1),
    "vectors": (np.float32, 2),
}
"""Name → type and dimensions."""
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, KeyError, IndexError, EOFError, OSError),
    *(MemoryError, OverflowError, RuntimeError, SyntaxError, tokenize.TokenError, TypeError, AttributeError),
)
"""What the readers of zip files and of numpy's headers raise for damaged bytes, apart from ValueError."""
BOX_COLUMNS, MOTION_COLUMNS = 6, 4


def encode(frames: Sequence[FrameInput]) -> bytes:
    """The content of a part with these frames, at least one."""
    starts = np.cumsum([0, *(len(frame.boxes) for frame in frames[:-1])])
    embedded = [
        (start + row, frame.vectors[row])
        for start, frame in zip(starts, frames, strict=True)
        for row in sorted(frame.vectors)
    ]
    arrays = {
        "index": np.array([frame.index for frame in frames], np.int64),
        "offset_ms": np.array([frame.offset_ms for frame in frames], np.int64),
        "counts": np.array([len(frame.boxes) for frame in frames], np.int64),
        "motion": np.array([_motion_row(frame.motion) for frame in frames], np.float64),
        "boxes": np.concatenate([frame.boxes.astype(np.float32, copy=False) for frame in frames]),
        "rows": np.array([row for row, _ in embedded], np.int64),
        "vectors": np.stack([vector for _, vector in embedded]) if embedded else np.zeros((0, 0), np.float32),
    }
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return content.getvalue()


def _motion_row(motion: CameraMotion | None) -> tuple[float, ...]:
    return (np.nan,) * MOTION_COLUMNS if motion is None else (*motion.shift, *motion.measured)


def _motion(row: Sequence[float]) -> CameraMotion | None:
    right, down, measured_right, measured_down = row
    return None if np.isnan(row).any() else CameraMotion((right, down), (measured_right, measured_down))


def decode(content: bytes) -> list[FrameInput]:
    """The frames of a part. ValueError if it has another form or would need too much memory."""
    try:
        arrays = _arrays(content)
    except UNREADABLE as error:
        raise ValueError(f"is no part of a checkpoint: {type(error).__name__}: {error}") from None
    index, counts, boxes, rows = arrays["index"], arrays["counts"], arrays["boxes"], arrays["rows"]
    if not len(index) == len(arrays["offset_ms"]) == len(counts) > 0 or len(rows) != len(arrays["vectors"]):
        raise ValueError("has arrays of different lengths")
    if arrays["motion"].shape != (len(index), MOTION_COLUMNS):
        raise ValueError("has another number of motions than its frames")
    if (counts < 0).any() or counts.sum() != len(boxes) or boxes.shape[1] != BOX_COLUMNS:
        raise ValueError("has another number of boxes than its frames")
    if (np.diff(index) <= 0).any() or (np.diff(rows) <= 0).any() or ((rows < 0) | (rows >= len(boxes))).any():
        raise ValueError("has frames or embeddings in another order")
    return _frames(arrays)


def _frames(arrays: dict[str, NDArray[Any]]) -> list[FrameInput]:
    starts = np.cumsum([0, *arrays["counts"].tolist()])
    first = np.searchsorted(arrays["rows"], starts)
    frames, indices, offsets_ms = [], arrays["index"].tolist(), arrays["offset_ms"].tolist()
    for position, (index, offset_ms) in enumerate(zip(indices, offsets_ms, strict=True)):
        start, end = starts[position : position + 2]
        own = range(first[position], first[position + 1])
        vectors = {int(arrays["rows"][row] - start): arrays["vectors"][row] for row in own}
        motion = _motion(arrays["motion"][position].tolist())
        frames.append(FrameInput(index, offset_ms, arrays["boxes"][start:end], vectors, motion))
    return frames


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file. Their sizes are checked in the zip directory and the headers before they are read."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_BYTES:
            raise ValueError(f"has arrays of more than {LARGEST_BYTES} bytes")
        for name in ARRAYS:
            _check_header(archive, name)
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        return {name: loaded[name] for name in ARRAYS}


def _check_header(archive: zipfile.ZipFile, name: str) -> None:
    kind, dimensions = ARRAYS[name]
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):  # type: ignore[no-untyped-call]
            raise ValueError(f"{name} has another version")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
    if dtype != kind or len(shape) != dimensions or int(np.prod(shape)) * dtype.itemsize > member.file_size:
        raise ValueError(f"{name} is {dtype}{list(shape)}")

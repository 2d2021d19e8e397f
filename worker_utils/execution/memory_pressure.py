"""Whether a refusal can be believed: short of memory, decoders call a sound file a bad one."""

from __future__ import annotations

import mmap

from video_analysis.worker_utils.errors import EnvironmentFault, Permanent, WorkerError

PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
ROOM_BYTES = 256 << 20
"""Less than this, and a decoder may have failed for want of it: the largest picture takes three quarters of it."""


def doubted(failure: WorkerError | None) -> WorkerError | None:
    """The failure; where a message is blamed while `ROOM_BYTES` cannot be allocated, the environment's instead."""
    if not isinstance(failure, Permanent):
        return failure
    try:
        mmap.mmap(-1, ROOM_BYTES, flags=PRIVATE).close()  # its pages are never touched: it costs address space alone
    except OSError:
        return EnvironmentFault(f"out of memory, which may be all that is behind: {failure}", code="out_of_memory")
    return failure

"""Detects low memory, in which decoders report valid files as damaged."""

from __future__ import annotations

import mmap

from video_analysis.worker_utils.errors import EnvironmentFault, Permanent, WorkerError

PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
HEADROOM_BYTES = 256 << 20
"""Free memory below which low memory may be the cause of a failure. The largest image needs three quarters of it."""


def reclassify_under_memory_pressure(failure: WorkerError | None) -> WorkerError | None:
    """The failure; EnvironmentFault instead of Permanent if `HEADROOM_BYTES` cannot be allocated now."""
    if not isinstance(failure, Permanent):
        return failure
    try:
        mmap.mmap(-1, HEADROOM_BYTES, flags=PRIVATE).close()  # no page is touched: this costs only address space
    except OSError:
        return EnvironmentFault(f"out of memory, which may be the cause of: {failure}", code="out_of_memory")
    return failure

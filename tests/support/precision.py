"""OpenVINO in full precision, to compare its results with PyTorch's on any CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openvino as ov

from video_analysis.worker_utils.inference import openvino_backend

HINT = "INFERENCE_PRECISION_HINT"


@contextmanager
def full_precision() -> Iterator[None]:
    """Networks compiled inside the block compute in float32.

    By default OpenVINO computes in the CPU's fastest precision: bfloat16 where the CPU has AMX, float16 on some ARM.
    """
    core = openvino_backend._core()
    native = core.get_property("CPU", HINT)
    core.set_property("CPU", {HINT: ov.Type.f32})
    try:
        yield
    finally:
        core.set_property("CPU", {HINT: native})

"""Plain PyTorch, on a CPU without OpenVINO or on a GPU without a TensorRT engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.inference.protocol import Batch, Outputs, Shape, run_in_fixed_batches


class TorchNetwork:
    """A module run eagerly; on a GPU in half precision if autocast permits it."""

    def __init__(self, module: torch.nn.Module | ExportedProgram, input_shape: Shape, on_gpu: bool) -> None:
        self.streams = 1
        self.input_shape = input_shape
        self.precision = "f16" if on_gpu else "f32"
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._module = _placed(module, self._device)

    def __call__(self, batch: Batch) -> Outputs:
        """See `Network`."""
        return run_in_fixed_batches(self._run, batch, self.input_shape[0])

    def _run(self, batch: Batch) -> Outputs:
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, self.precision == "f16"):
                output = self._module(torch.from_numpy(np.ascontiguousarray(batch)).to(self._device))
            return [leaf.float().cpu().numpy() for leaf in leaves(output)]
        except RuntimeError as error:
            if self._device.type == "cuda" and "CUDA" in str(error):
                raise EnvironmentFault(f"the GPU fails: {str(error).splitlines()[0]}", code="gpu_failed") from error
            raise


def leaves(output: Any) -> list[torch.Tensor]:
    """All tensors of a module's output, in order."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, Mapping) else output
    return [leaf for part in parts for leaf in leaves(part)]


def _placed(module: torch.nn.Module | ExportedProgram, device: torch.device) -> torch.nn.Module:
    if isinstance(module, ExportedProgram):
        moved: torch.nn.Module = move_to_device_pass(module, device).module()
        return moved
    return module.eval().to(device)

"""TensorRT engines, run on PyTorch's current CUDA stream. TensorRT is installed on the GPU host, like its driver.

API: TensorRT 10, https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/python-api-docs.html
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import tensorrt  # type: ignore[import-not-found, import-untyped, unused-ignore]
import torch

from video_analysis.worker_utils.errors import ConfigurationError, EnvironmentFault
from video_analysis.worker_utils.inference.protocol import Batch, Outputs, Shape, run_in_fixed_batches, split_engine


class TensorRtNetwork:
    """A deserialised engine with one input. Batches larger than its profile allows are split."""

    def __init__(self, path: Path) -> None:
        self._logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        self._engine = tensorrt.Runtime(self._logger).deserialize_cuda_engine(split_engine(path.read_bytes())[1])
        if self._engine is None:
            raise ConfigurationError(
                f"{path}: was not built for this GPU and TensorRT {tensorrt.__version__}; rebuild it"
            )
        self.streams = 1
        self._context = self._engine.create_execution_context()
        self._lock = threading.Lock()
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT]
        self._input = inputs[0]
        self._outputs = [name for name in names if name not in inputs]
        shape = tuple(self._engine.get_tensor_shape(self._input))
        self._fixed_n = shape[0]
        self._largest_n = self._engine.get_tensor_profile_shape(self._input, 0)[2][0]
        self.input_shape: Shape = (shape[0], shape[1], shape[2], shape[3])
        self.precision = "f16"

    def __call__(self, batch: Batch) -> Outputs:
        """See `Network`."""
        try:
            steps = [batch[start : start + self._largest_n] for start in range(0, len(batch), self._largest_n)]
            with self._lock:
                parts = [run_in_fixed_batches(self._run, step, self._fixed_n) for step in steps]
        except RuntimeError as error:
            raise EnvironmentFault(f"the GPU fails: {str(error).splitlines()[0]}", code="gpu_failed") from error
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _run(self, batch: Batch) -> Outputs:
        data = torch.from_numpy(np.ascontiguousarray(batch)).cuda().to(self._dtype(self._input))
        self._context.set_input_shape(self._input, tuple(data.shape))
        self._context.set_tensor_address(self._input, data.data_ptr())
        results = [self._buffer(name) for name in self._outputs]
        stream = torch.cuda.current_stream()
        if not self._context.execute_async_v3(stream.cuda_stream):
            raise EnvironmentFault("the GPU fails: TensorRT did not run the engine", code="gpu_failed")
        stream.synchronize()
        return [result.float().cpu().numpy() for result in results]

    def _buffer(self, name: str) -> torch.Tensor:
        shape = tuple(self._context.get_tensor_shape(name))
        buffer = torch.empty(shape, dtype=self._dtype(name), device="cuda")
        self._context.set_tensor_address(name, buffer.data_ptr())
        return buffer

    def _dtype(self, name: str) -> torch.dtype:
        return torch.from_numpy(np.empty(0, tensorrt.nptype(self._engine.get_tensor_dtype(name)))).dtype

"""The device of the training: a GPU if there is one, bfloat16 if it is fast."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device and its precision of matrix products."""

    device: torch.device
    halves: bool
    """bfloat16 under autocast; else float32."""

    @classmethod
    def found(cls, device: str = "auto") -> Hardware:
        """`auto` is CUDA if PyTorch finds it, else the CPU."""
        name = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True
            return cls(torch.device("cuda"), bool(torch.cuda.is_bf16_supported(including_emulation=False)))
        able = torch.cpu.get_capabilities()
        return cls(torch.device("cpu"), bool(able.get("avx512_bf16") or able.get("amx_bf16")))

    @property
    def is_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return bool(self.device.type == "cuda")

    @property
    def name(self) -> str:
        """For the report."""
        kind = torch.cuda.get_device_name() if self.is_gpu else f"CPU, {torch.get_num_threads()} threads"
        return f"{kind}, {'bf16' if self.halves else 'f32'}"

    def autocast(self) -> AbstractContextManager[None]:
        """Matrix products in bfloat16 if that is fast."""
        scope: AbstractContextManager[None] = torch.autocast(self.device.type, torch.bfloat16, enabled=self.halves)
        return scope


def spare_cores() -> int:
    """Number of cores for other processes; 0 on a single core."""
    return len(os.sched_getaffinity(0)) - 1

"""Chooses the backend of inference: CUDA, the CPU through OpenVINO, or PyTorch.

Order of calls: `configure_environment`, before any vendor library is imported; `choose`; then `compile_module`,
`load_ir` or `load_engine`, which return a `Network`: float32 images [N, 3, H, W] to float32 arrays.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference.protocol import Network, Shape
from video_analysis.worker_utils.settings import RuntimeSettings

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

Kind = Literal["cuda", "openvino", "torch"]
GPU_BATCH = 16
Device = Literal["auto", "cuda", "openvino", "torch"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The chosen backend. It does not include the precision: OpenVINO chooses that for each network, by the CPU."""

    kind: Kind
    threads: int
    cache_dir: Path

    @property
    def batch(self) -> int:
        """Images per forward pass: a GPU needs many images to be fully used, a stream of the CPU needs one."""
        return GPU_BATCH if self.kind == "cuda" else 1


def configure_environment(cache_dir: Path, threads: int) -> None:
    """Configure vendor libraries before they are imported: no network access, no files in the home folder.

    They may write to `cache_dir`. OpenMP gets `threads` threads (0: one per core that the process may use). BLAS gets
    one, since the matrices are small. NumPy is already loaded, so the systemd units set the variable for its BLAS.
    ConfigurationError if the folder cannot be written.
    """
    _writable(cache_dir)
    os.environ.update(
        YOLO_OFFLINE="true",
        YOLO_AUTOINSTALL="false",
        YOLO_VERBOSE="false",
        YOLO_CONFIG_DIR=str(cache_dir),
        MPLCONFIGDIR=str(cache_dir / "matplotlib"),
        OMP_NUM_THREADS=str(_threads(threads)),
        OPENBLAS_NUM_THREADS="1",
    )
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)


def choose(device: Device, threads: int, cache_dir: Path) -> Runtime:
    """The runtime for `device`; auto: CUDA if there is a GPU, else OpenVINO, else PyTorch.

    With OpenVINO, which has its own threads, PyTorch gets one: it only loads and converts. OpenMP threads of several
    processes that start at the same time would mostly wait for each other. ConfigurationError if this machine does not
    have the backend.
    """
    import torch  # noqa: PLC0415

    runtime = Runtime(_kind(device), _threads(threads), cache_dir)
    torch.set_num_threads(1 if runtime.kind == "openvino" else runtime.threads)
    return runtime


def configured(settings: RuntimeSettings) -> Runtime:
    """`configure_environment` and `choose` with the configured values."""
    cache_dir = settings.path(settings.cache_dir)
    configure_environment(cache_dir, settings.threads)
    return choose(settings.device, settings.threads, cache_dir)


def compile_module(
    module: torch.nn.Module | ExportedProgram, name: str, fingerprint: str, input_shape: Shape, runtime: Runtime
) -> Network:
    """Compile a loaded PyTorch model. `input_shape` has -1 for variable lengths; N may be fixed.

    `fingerprint` is the SHA-256 of its weights, under which OpenVINO's conversion is cached. Outputs are flat, in the
    order of the module (of an ExportedProgram: call_spec.out_spec).
    """
    if runtime.kind == "openvino":
        from video_analysis.worker_utils.inference import openvino_backend  # noqa: PLC0415

        xml = openvino_backend.converted(module, name, fingerprint, input_shape, runtime.cache_dir)
        return _announced(openvino_backend.OpenVinoNetwork(xml, runtime.threads), name, runtime.kind)
    from video_analysis.worker_utils.inference.torch_backend import TorchNetwork  # noqa: PLC0415

    return _announced(TorchNetwork(module, input_shape, on_gpu=runtime.kind == "cuda"), name, runtime.kind)


def load_ir(xml: Path, runtime: Runtime) -> Network:
    """Load a model that the operator exported to OpenVINO."""
    from video_analysis.worker_utils.inference.openvino_backend import OpenVinoNetwork  # noqa: PLC0415

    return _announced(OpenVinoNetwork(xml, runtime.threads), xml.stem, "openvino")


def load_engine(path: Path) -> Network:
    """Load a TensorRT engine that the operator built on the same kind of GPU, with or without ultralytics' header."""
    from video_analysis.worker_utils.inference.tensorrt_backend import TensorRtNetwork  # noqa: PLC0415

    return _announced(TensorRtNetwork(path), path.name, "tensorrt")


def require_file(path: Path, remedy: str) -> Path:
    """`path`, if it exists; else ConfigurationError with the path and the remedy."""
    if not path.exists():
        raise ConfigurationError(f"{path}: not found; {remedy}")
    return path


def nan_weight(weights: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first weight that contains NaN; None if there is none."""
    return next((name for name, weight in weights.items() if bool(weight.isnan().any())), None)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder (an exported model) in order of their names, as hex."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _announced(network: Network, name: str, kind: str) -> Network:
    log.info(
        "network %s runs on %s in %s",
        name,
        kind,
        network.precision,
        extra={"event": "network.loaded", "network": name, "backend": kind, "precision": network.precision},
    )
    return network


def _kind(device: Device) -> Kind:
    if device in ("auto", "cuda"):
        import torch  # noqa: PLC0415

        if torch.cuda.is_available():
            return "cuda"
        if device == "cuda":
            raise ConfigurationError("CVITX_DEVICE=cuda: PyTorch finds no GPU; set auto, or check nvidia-smi")
    if device == "torch":
        return "torch"
    if importlib.util.find_spec("openvino") is not None:
        return "openvino"
    if device == "openvino":
        raise ConfigurationError("CVITX_DEVICE=openvino: openvino is not installed; pip install -r requirements.txt")
    return "torch"


def _threads(threads: int) -> int:
    return threads or len(os.sched_getaffinity(0))


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: no cache folder can be created ({error}); set CVITX_CACHE_DIR") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{folder}: the cache folder cannot be written; set CVITX_CACHE_DIR")

"""The one place that decides what inference runs on: CUDA, the CPU through OpenVINO, or PyTorch.

`prepare` comes first, before any vendor library is imported; then `choose`; then `compile_module`, `load_ir` or
`load_engine` give a `Network`: float32 pictures [N, 3, H, W] in, float32 arrays out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
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
PICTURES_A_PASS_ON_A_GPU = 16
Device = Literal["auto", "cuda", "openvino", "torch"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What inference runs on. Its precision is each network's own to say: OpenVINO goes by the CPU."""

    kind: Kind
    threads: int
    cache_dir: Path

    @property
    def batch(self) -> int:
        """Pictures for one pass: a GPU is filled by many, a stream of the CPU by one."""
        return PICTURES_A_PASS_ON_A_GPU if self.kind == "cuda" else 1


def prepare(cache_dir: Path, threads: int) -> None:
    """Tell the vendor libraries, before they are imported, to keep off the network and out of the home folder.

    `cache_dir` is theirs to write to; OpenMP gets `threads` (0: one for each core that the process may use) and BLAS
    one, since its matrices here are small; NumPy's, which is there before, goes by the environment, as the units set
    it. ConfigurationError where the folder cannot be written.
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
    """What `device` asks for; auto is CUDA where there is a GPU, else OpenVINO, else PyTorch.

    ConfigurationError where what it names is not on this machine.
    """
    runtime = Runtime(_kind(device), _threads(threads), cache_dir)
    if runtime.kind != "openvino":
        import torch  # noqa: PLC0415

        torch.set_num_threads(runtime.threads)
    return runtime


def configured(settings: RuntimeSettings) -> Runtime:
    """`prepare` and `choose` as the configuration says."""
    cache_dir = settings.path(settings.cache_dir)
    prepare(cache_dir, settings.threads)
    return choose(settings.device, settings.threads, cache_dir)


def compile_module(
    module: torch.nn.Module | ExportedProgram, name: str, fingerprint: str, input_shape: Shape, runtime: Runtime
) -> Network:
    """Make a loaded PyTorch model fast. `input_shape` has -1 where a length varies; N may be fixed, too.

    `fingerprint` is the SHA-256 of its weights: OpenVINO's conversion is kept in the cache folder under it. Outputs
    come flat, in the module's own order (an ExportedProgram's: call_spec.out_spec).
    """
    if runtime.kind == "openvino":
        from video_analysis.worker_utils.inference import openvino_backend  # noqa: PLC0415

        xml = openvino_backend.converted(module, name, fingerprint, input_shape, runtime.cache_dir)
        return _announced(openvino_backend.OpenVinoNetwork(xml, runtime.threads), name, runtime.kind)
    from video_analysis.worker_utils.inference.torch_backend import TorchNetwork  # noqa: PLC0415

    return _announced(TorchNetwork(module, input_shape, on_gpu=runtime.kind == "cuda"), name, runtime.kind)


def load_ir(xml: Path, runtime: Runtime) -> Network:
    """A model that the operator exported to OpenVINO."""
    from video_analysis.worker_utils.inference.openvino_backend import OpenVinoNetwork  # noqa: PLC0415

    return _announced(OpenVinoNetwork(xml, runtime.threads), xml.stem, "openvino")


def load_engine(path: Path) -> Network:
    """A TensorRT engine that the operator built on this kind of GPU, with or without ultralytics' header."""
    from video_analysis.worker_utils.inference.tensorrt_backend import TensorRtNetwork  # noqa: PLC0415

    return _announced(TensorRtNetwork(path), path.name, "tensorrt")


def require(path: Path, remedy: str) -> Path:
    """`path` itself; ConfigurationError with the path and the remedy where nothing is there."""
    if not path.exists():
        raise ConfigurationError(f"{path}: is not there; {remedy}")
    return path


def sha256_of(path: Path) -> str:
    """Hex digest of a file, or of all files of a folder (an exported model) in the order of their names."""
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
            raise ConfigurationError("CVITX_DEVICE=cuda: PyTorch sees no GPU here; set auto, or look at nvidia-smi")
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
        raise ConfigurationError(f"{folder}: no cache folder can be made ({error}); set CVITX_CACHE_DIR") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{folder}: the cache folder cannot be written; set CVITX_CACHE_DIR")

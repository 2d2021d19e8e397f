"""Device, driver, weights and checkpoints: loaded and warmed up by the code of the workers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from video_analysis.main_worker import run_poller as main_worker
from video_analysis.ops.doctor.finding import Check, Fault
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker import run_poller as yolo_worker

DRIVER = Path("/proc/driver/nvidia/version")
DEVICE = "device"


def checks(config: WorkerConfig) -> Iterable[Check]:
    """The device first: without it, no network can be loaded."""
    yield Check(DEVICE, lambda: _device(config))
    yield Check("detector", lambda: _detector(config), DEVICE)
    yield Check("embedder", lambda: _embedder(config), DEVICE)
    yield Check("main model", lambda: _main_models(config), DEVICE)


def _device(config: WorkerConfig) -> str:
    runtime = backend.configured(config)
    if runtime.kind == "cuda":
        import torch  # noqa: PLC0415  # not before `configured`

        return f"cuda: {torch.cuda.get_device_name()}, {_driver() or 'unknown driver'}, CUDA {torch.version.cuda}"
    if config.device == "auto" and (driver := _driver()):
        raise Fault(
            f"the NVIDIA driver is loaded ({driver}), but PyTorch finds no GPU: {runtime.kind} would be used",
            "check `nvidia-smi`, and that PyTorch is a CUDA build for this driver",
        )
    return f"{runtime.kind} on the CPU, {runtime.threads} threads"


def _driver() -> str | None:
    """The first line of the kernel module's version; None without an NVIDIA driver."""
    if not DRIVER.is_file():
        return None
    return " ".join(DRIVER.read_text("utf-8").splitlines()[0].split())


def _detector(config: WorkerConfig) -> str:
    yolo_worker.detector(config)
    return str(config.path(config.yolo_weights))


def _embedder(config: WorkerConfig) -> str:
    yolo_worker.embedder(config)
    engine = config.path(config.deepsort_engine)
    return str(engine) if engine.is_file() else config.embedder


def _main_models(config: WorkerConfig) -> str:
    loaded = main_worker.models(config)
    return ", ".join(f"{variant} {model.checkpoint}" for variant, model in loaded.items())

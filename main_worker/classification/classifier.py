"""One loaded checkpoint: snapshots in, logits of its heads out, one forward pass per micro-batch."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification import checkpoint, output_check
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import OUTPUTS, Forward, Logits, SnapshotImage
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX
from video_analysis.worker_utils.inference import backend, preprocess
from video_analysis.worker_utils.inference.protocol import Network
from video_analysis.worker_utils.models.fallback import Fallback

if TYPE_CHECKING:
    from torch.export import ExportedProgram

WARM_UP_BATCHES = (1, 2)
"""Batch sizes of `Classifier.warm_up`."""

log = logging.getLogger(__name__)


def checkpoints(config: WorkerConfig) -> dict[Variant, Path]:
    """The file of each variant of the run mode.

    If only one of main.pt and baseline.pt is in the bundle, it replaces the other. A path set by the operator is
    never replaced.
    """
    if config.run_mode == "single":
        return {"baseline": _existing(config, "main_checkpoint", "baseline_checkpoint")}
    return {
        "baseline": _existing(config, "baseline_checkpoint", "main_checkpoint"),
        "cmt": config.path(config.cmt_checkpoint),
    }


def _existing(config: WorkerConfig, field: str, substitute: str) -> Path:
    wanted, other = (config.path(getattr(config, name)) for name in (field, substitute))
    return other if field not in config.model_fields_set and not wanted.exists() and other.exists() else wanted


class Classifier:
    """One loaded checkpoint of one variant. One caller at a time."""

    def __init__(
        self, opened: checkpoint.Archive, network: Network, on_cuda: bool, fallback: Fallback | None = None
    ) -> None:
        self.labels: Labels = opened.labels
        self.checkpoint: str = f"{opened.labels.name}@{opened.sha256[:12]}"
        """Name and short SHA-256: the checkpoint's identifier in each row."""
        self.fallback: Fallback | None = fallback
        """Code and reason if this checkpoint replaces the configured one, else None."""
        self.gflops: float | None = _gflops(opened.program, max(1, opened.input_shape[0]))
        self._network = network
        self._outputs = opened.outputs
        self._on_cuda = on_cuda
        self._lut = preprocess.normalisation_lut(opened.labels.mean, opened.labels.std)
        self._batch = np.empty((0, 3, SNAPSHOT_PX, SNAPSHOT_PX), np.float32)

    @classmethod
    def load(
        cls, path: Path, variant: Variant, runtime: backend.Runtime, fallback: Fallback | None = None
    ) -> Classifier:
        """Open, compile and check the checkpoint at `path`. ConfigurationError states what is wrong with it."""
        opened = checkpoint.read(path)
        try:
            network = backend.compile_module(opened.program, variant, opened.sha256, opened.input_shape, runtime)
            classifier = cls(opened, network, runtime.kind == "cuda", fallback)
            fault = output_check.find_fault(classifier._forward, network.precision)
        except Exception as error:  # any vendor error in the first pass means that the worker cannot start
            raise ConfigurationError(f"{path}: warm-up inference failed: {error}; {checkpoint.REMEDY}") from error
        if fault is not None:
            raise ConfigurationError(f"{path}: {fault}; {checkpoint.REMEDY}")
        log.info(
            "checkpoint of %s: %s",
            variant,
            classifier.checkpoint,
            extra={
                "event": "model.loaded",
                "variant": variant,
                "checkpoint": classifier.checkpoint,
                "path": str(path),
            },
        )
        return classifier

    def classify(self, images: Sequence[SnapshotImage]) -> Forward:
        """One forward pass over `images` (BGR uint8 640×640×3).

        Raises EnvironmentFault if the GPU is lost, ValueError if the outputs do not fit the labels, and any error of
        the inference library.
        """
        started = time.perf_counter()
        outputs = self._forward(images)
        elapsed_ms = (time.perf_counter() - started) * 1000
        logits = tuple(Logits.of(outputs, index) for index in range(len(images)))
        return Forward(logits, elapsed_ms / len(images), self._memory_gb())

    def warm_up(self) -> None:
        """Classify blank images, alone and as a batch. Raises as `classify`; ValueError if an output is not finite."""
        blank = np.zeros((SNAPSHOT_PX, SNAPSHOT_PX, 3), np.uint8)
        for count in WARM_UP_BATCHES:
            for logits in self.classify([blank] * count).logits:
                for name in OUTPUTS:
                    values = getattr(logits, name)
                    if values is not None and not np.isfinite(values).all():
                        raise ValueError(f"output {name} holds values that are not finite")

    def _forward(self, images: Sequence[SnapshotImage]) -> dict[str, NDArray[np.float32]]:
        """Output → [N, number of names]."""
        outputs = dict(zip(self._outputs, self._network(self._normalised(images)), strict=True))
        self._check_widths(outputs, len(images))
        return outputs

    def _normalised(self, images: Sequence[SnapshotImage]) -> NDArray[np.float32]:
        """[N, 3, 640, 640], RGB. The buffer is reused by the next call: allocating a new one takes longer."""
        if len(self._batch) < len(images):
            self._batch = np.empty((len(images), 3, SNAPSHOT_PX, SNAPSHOT_PX), np.float32)
        for index, image in enumerate(images):
            preprocess.fill_chw(image, self._lut, self._batch[index])
        return self._batch[: len(images)]

    def _check_widths(self, outputs: dict[str, NDArray[np.float32]], count: int) -> None:
        for name, width in self.labels.widths.items():
            if outputs[name].shape != (count, width):
                raise ValueError(f"output {name} is {outputs[name].shape}, the labels require {(count, width)}")

    def _memory_gb(self) -> float:
        if self._on_cuda:
            import torch  # noqa: PLC0415

            return float(torch.cuda.max_memory_allocated() / 1e9)
        resident_pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return resident_pages * os.sysconf("SC_PAGESIZE") / 1e9


def _gflops(program: ExportedProgram, batch: int) -> float | None:
    """10⁹ operations per snapshot, counted on fake tensors; None if PyTorch cannot trace the program."""
    import torch  # noqa: PLC0415
    from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: PLC0415
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    try:
        with FakeTensorMode(allow_non_fake_inputs=True), FlopCounterMode(display=False) as counter:
            program.module()(torch.empty(batch, 3, SNAPSHOT_PX, SNAPSHOT_PX))
        return float(round(counter.get_total_flops() / batch / 1e9, 3))
    except Exception:  # only the figure is missing; classification works
        log.info(
            "the operations of the main model could not be counted",
            exc_info=True,
            extra={"event": "model.gflops_unknown"},
        )
        return None

"""A checkpoint at work: pictures in, logits of the three heads out, one forward pass per micro-batch."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification import checkpoint
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.evidence import Fallback
from video_analysis.main_worker.types import Forward, Logits, Picture
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX
from video_analysis.worker_utils.inference import backend, preprocess
from video_analysis.worker_utils.inference.protocol import Network

if TYPE_CHECKING:
    from torch.export import ExportedProgram

log = logging.getLogger(__name__)


def checkpoints(config: WorkerConfig) -> dict[Variant, Path]:
    """Which file each variant of the run mode is loaded from.

    main.pt and baseline.pt stand in for each other where only one is in the bundle; a path the operator set is
    never replaced.
    """
    if config.run_mode == "single":
        return {"baseline": _first_there(config, "main_checkpoint", "baseline_checkpoint")}
    return {
        "baseline": _first_there(config, "baseline_checkpoint", "main_checkpoint"),
        "cmt": config.path(config.cmt_checkpoint),
    }


def _first_there(config: WorkerConfig, field: str, substitute: str) -> Path:
    wanted, other = (config.path(getattr(config, name)) for name in (field, substitute))
    return other if field not in config.model_fields_set and not wanted.exists() and other.exists() else wanted


class Classifier:
    """One loaded checkpoint of one variant. One caller at a time."""

    def __init__(self, opened: checkpoint.Archive, network: Network, on_cuda: bool) -> None:
        self.labels: Labels = opened.labels
        self.checkpoint: str = f"{opened.labels.name}@{opened.sha256[:12]}"
        """Name and short SHA-256: what a row says it was made by."""
        self.fallback: Fallback | None = None
        """Set if this checkpoint replaces the configured one: which it is, and why."""
        self.gflops: float | None = _gflops(opened.program, max(1, opened.input_shape[0]))
        self._network = network
        self._outputs = opened.outputs
        self._on_cuda = on_cuda
        self._tables = preprocess.normalisation_lut(opened.labels.mean, opened.labels.std)
        self._batch = np.empty((0, 3, SNAPSHOT_PX, SNAPSHOT_PX), np.float32)

    @classmethod
    def load(cls, path: Path, variant: Variant, runtime: backend.Runtime) -> Classifier:
        """Open, compile and warm up the checkpoint at `path`; ConfigurationError says what is wrong with it."""
        opened = checkpoint.read(path)
        try:
            network = backend.compile_module(opened.program, variant, opened.sha256, opened.input_shape, runtime)
            classifier = cls(opened, network, runtime.kind == "cuda")
            classifier.warm_up()
        except Exception as error:  # whatever a vendor's first pass raises, the start fails
            raise ConfigurationError(f"{path}: no blank picture passes: {error}; {checkpoint.REMEDY}") from error
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

    def classify(self, pictures: Sequence[Picture]) -> Forward:
        """One forward pass over `pictures` (BGR uint8 640×640×3).

        Raises EnvironmentFault where the GPU is lost, ValueError where outputs and labels do not fit, and
        whatever else the vendor raises.
        """
        started = time.perf_counter()
        named = dict(zip(self._outputs, self._network(self._normalised(pictures)), strict=True))
        self._check_widths(named, len(pictures))
        elapsed_ms = (time.perf_counter() - started) * 1000
        logits = tuple(Logits(named["type"][i], named["make"][i], named["model"][i]) for i in range(len(pictures)))
        return Forward(logits, elapsed_ms / len(pictures), self._memory_gb())

    def warm_up(self) -> None:
        """Pass blank pictures, one alone and two together; raises as `classify` does, and for what is no number."""
        blank = np.zeros((SNAPSHOT_PX, SNAPSHOT_PX, 3), np.uint8)
        for count in (1, 2):
            for logits in self.classify([blank] * count).logits:
                for level in checkpoint.HEADS:
                    if not np.isfinite(getattr(logits, level)).all():
                        raise ValueError(f"output {level} holds values that are not finite")

    def _normalised(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """[N, 3, 640, 640], red first. Good until the next call: fresh memory costs double."""
        if len(self._batch) < len(pictures):
            self._batch = np.empty((len(pictures), 3, SNAPSHOT_PX, SNAPSHOT_PX), np.float32)
        for place, picture in enumerate(pictures):
            preprocess.fill_chw(picture, self._tables, self._batch[place])
        return self._batch[: len(pictures)]

    def _check_widths(self, named: dict[str, NDArray[np.float32]], count: int) -> None:
        for level, width in self.labels.widths.items():
            if named[level].shape != (count, width):
                raise ValueError(f"output {level} is {named[level].shape}, the labels ask for {(count, width)}")

    def _memory_gb(self) -> float:
        if self._on_cuda:
            import torch  # noqa: PLC0415

            return float(torch.cuda.max_memory_allocated() / 1e9)
        resident_pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return resident_pages * os.sysconf("SC_PAGESIZE") / 1e9


def _gflops(program: ExportedProgram, pictures: int) -> float | None:
    """10⁹ operations for one picture, counted on tensors without content; None where PyTorch cannot trace it."""
    import torch  # noqa: PLC0415
    from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: PLC0415
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    try:
        with FakeTensorMode(allow_non_fake_inputs=True), FlopCounterMode(display=False) as counter:
            program.module()(torch.empty(pictures, 3, SNAPSHOT_PX, SNAPSHOT_PX))
        return float(round(counter.get_total_flops() / pictures / 1e9, 3))
    except Exception:  # a figure is missing, nothing else
        log.info(
            "the operations of the main model could not be counted",
            exc_info=True,
            extra={"event": "model.gflops_unknown"},
        )
        return None

"""Loads a detector: ultralytics weights, or an export that ultralytics made from them.

An ultralytics .pt is a pickle and can run code: only files that the operator put into the bundle are loaded.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Network, Shape, split_engine

if TYPE_CHECKING:
    from torch import nn

INPUT_SHAPE: Shape = (-1, 3, -1, -1)
EXPORTED = "_openvino_model"
"""Behind the stem of the weights: the folder of their OpenVINO export."""
METADATA = "metadata.yaml"
WEIGHTS_SHA256 = "weights_sha256"
"""Field of the metadata: an export that has it is used for these weights only."""
REMEDY = "put the detector's weights there, or set CVITX_YOLO_WEIGHTS to their path"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedDetector:
    """A compiled detector, its class names, and the SHA-256 of the file that it was loaded from."""

    network: Network
    names: Mapping[int, str]
    fingerprint: str


def load(weights: Path, runtime: backend.Runtime) -> LoadedDetector:
    """Load `weights` (a .pt), or the export for `runtime` in the same folder: an .engine or an _openvino_model.

    ConfigurationError if the file is not found (checked first: ultralytics would try to download it) or is no YOLO
    detector.
    """
    export = _export_of(weights, runtime)
    if export is not None:
        return _engine(export) if runtime.kind == "cuda" else _exported(export, runtime)
    return _checkpoint(backend.require_file(weights, REMEDY), runtime)


def exist(weights: Path, runtime: backend.Runtime) -> bool:
    """Whether `weights`, or an export for `runtime` in the same folder, exist."""
    return weights.exists() or _export_of(weights, runtime) is not None


def _export_of(weights: Path, runtime: backend.Runtime) -> Path | None:
    """The .engine or the _openvino_model of `weights` for `runtime`; None if there is none."""
    engine = weights.with_suffix(".engine")
    if runtime.kind == "cuda" and engine.is_file():
        return engine
    exported = weights.with_name(f"{weights.stem}{EXPORTED}")
    return exported if runtime.kind == "openvino" and exported.is_dir() and _is_of(exported, weights) else None


def _is_of(exported: Path, weights: Path) -> bool:
    """Whether an export was made from `weights`, as far as its metadata say; a warning if not."""
    expected = _metadata(exported).get(WEIGHTS_SHA256) if (exported / METADATA).is_file() else None
    if expected is None or not weights.is_file() or backend.sha256_of(weights) == expected:
        return True
    log.warning(
        "%s is not used: it was made from other weights than %s; export it again",
        exported,
        weights.name,
        extra={"event": "model.export_outdated", "path": str(exported)},
    )
    return False


def module_of(weights: Path) -> tuple[nn.Module, Mapping[int, str]]:
    """The network of an ultralytics .pt, fused and with raw outputs, and its class names.

    ConfigurationError if it is no YOLO detector.
    """
    from ultralytics.nn.modules import Detect, v10Detect  # noqa: PLC0415
    from ultralytics.nn.tasks import load_checkpoint  # noqa: PLC0415

    if weights.suffix != ".pt":
        raise ConfigurationError(
            f"{weights}: ultralytics weights end in .pt (an export in the same folder is used automatically); {REMEDY}"
        )
    try:
        model = load_checkpoint(weights)[0]
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError) as error:
        text = f"{weights}: cannot be read as ultralytics weights ({type(error).__name__}); {REMEDY}"
        raise ConfigurationError(text) from error
    nan = backend.nan_weight(model.state_dict())
    if nan is not None:
        raise ConfigurationError(f"{weights}: weights contain NaN ({nan}); {REMEDY}")
    head = model.model[-1]
    if type(head) not in (Detect, v10Detect):
        raise ConfigurationError(
            f"{weights}: the last layer is {type(head).__name__}, not Detect: this is no YOLO detector"
        )
    if not head.end2end:
        model.fuse(verbose=False)  # not for YOLOv10: it would remove the head that is used here
    head.export, head.dynamic, head.end2end = True, True, False
    return model, model.names


def _checkpoint(weights: Path, runtime: backend.Runtime) -> LoadedDetector:
    model, names = module_of(weights)
    fingerprint = backend.sha256_of(weights)
    network = backend.compile_module(model, weights.stem, fingerprint, INPUT_SHAPE, runtime)
    return LoadedDetector(network, names, fingerprint)


def _exported(folder: Path, runtime: backend.Runtime) -> LoadedDetector:
    documents = [*folder.glob("*.xml")]
    if len(documents) != 1:
        raise ConfigurationError(
            f"{folder}: has {len(documents)} .xml files instead of one; export it again or remove it"
        )
    names = _metadata(folder)["names"]
    return LoadedDetector(backend.load_ir(documents[0], runtime), names, backend.sha256_of(folder))


def _metadata(exported: Path) -> dict[str, Any]:
    """As ultralytics writes them."""
    from ultralytics.utils import YAML  # noqa: PLC0415

    path = backend.require_file(exported / METADATA, "export it again with ultralytics, or remove the folder")
    metadata: dict[str, Any] = YAML.load(path)
    return metadata


def _engine(path: Path) -> LoadedDetector:
    metadata, _ = split_engine(path.read_bytes())
    if "names" not in metadata:
        raise ConfigurationError(f"{path}: has no class names; export it with ultralytics, or remove it")
    names = {int(index): name for index, name in metadata["names"].items()}
    return LoadedDetector(backend.load_engine(path), names, backend.sha256_of(path))

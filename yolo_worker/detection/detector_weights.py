"""Loads a detector: ultralytics weights, or an export that ultralytics made from them.

An ultralytics .pt is a pickle and can run code: only files that the operator put into the bundle are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Network, split_engine

REMEDY = "put the detector's weights there, or set CVITX_YOLO_WEIGHTS to their path"


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
    exported = weights.with_name(f"{weights.stem}_openvino_model")
    return exported if runtime.kind == "openvino" and exported.is_dir() else None


def _checkpoint(weights: Path, runtime: backend.Runtime) -> LoadedDetector:
    from ultralytics.nn.modules import Detect, v10Detect  # noqa: PLC0415
    from ultralytics.nn.tasks import load_checkpoint  # noqa: PLC0415

    if weights.suffix != ".pt":
        raise ConfigurationError(
            f"{weights}: ultralytics weights end in .pt (an export in the same folder is used automatically); {REMEDY}"
        )
    model = load_checkpoint(weights)[0]
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
    fingerprint = backend.sha256_of(weights)
    network = backend.compile_module(model, weights.stem, fingerprint, (-1, 3, -1, -1), runtime)
    return LoadedDetector(network, model.names, fingerprint)


def _exported(folder: Path, runtime: backend.Runtime) -> LoadedDetector:
    from ultralytics.utils import YAML  # noqa: PLC0415

    documents = [*folder.glob("*.xml")]
    backend.require_file(folder / "metadata.yaml", "export it again with ultralytics, or remove the folder")
    if len(documents) != 1:
        raise ConfigurationError(
            f"{folder}: has {len(documents)} .xml files instead of one; export it again or remove it"
        )
    names = YAML.load(folder / "metadata.yaml")["names"]
    return LoadedDetector(backend.load_ir(documents[0], runtime), names, backend.sha256_of(folder))


def _engine(path: Path) -> LoadedDetector:
    metadata, _ = split_engine(path.read_bytes())
    if "names" not in metadata:
        raise ConfigurationError(f"{path}: has no class names; export it with ultralytics, or remove it")
    names = {int(index): name for index, name in metadata["names"].items()}
    return LoadedDetector(backend.load_engine(path), names, backend.sha256_of(path))

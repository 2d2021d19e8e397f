"""A checkpoint file, checked and opened: a `torch.export` archive that carries its labels.json.

Loading an archive can execute code, as for all weights: load only files from the operator, never a file that a message
names. Archives that contain pickles (older formats, custom objects, tensor subclasses) are refused as well, because
loading would execute them; a main model needs none.
"""

from __future__ import annotations

import io
import json
import logging
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from video_analysis.main_worker.classification import graph_check
from video_analysis.main_worker.classification.labels import LABELS_FILE, Labels
from video_analysis.main_worker.types import OPTIONAL_OUTPUTS, REQUIRED_OUTPUTS
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.backend import require_file, sha256_of
from video_analysis.worker_utils.inference.protocol import Shape

if TYPE_CHECKING:
    from torch.export import ExportedProgram

SETTINGS = "CVITX_MAIN_CHECKPOINT, CVITX_BASELINE_CHECKPOINT or CVITX_CMT_CHECKPOINT"
REMEDY = "export the model again as docs/models.md describes (How a main model is exported)"
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, NotImplementedError, RuntimeError, EOFError)
"""The exceptions that malformed members cause, beside those of the ZIP container."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """A checkpoint in memory, before it is compiled for a device."""

    program: ExportedProgram
    labels: Labels
    outputs: tuple[str, ...]
    """The name of each output, in the order in which a compiled network returns them."""
    input_shape: Shape
    """N, 3, 640, 640; N is -1 if the archive accepts any batch size."""
    sha256: str


def read(path: Path) -> Archive:
    """Open the checkpoint at `path`. ConfigurationError names the file, the fault and the remedy."""
    require_file(path, f"put the exported main model there, or set {SETTINGS} to its path; or {REMEDY}")
    try:
        labels = _inspect(path)
        program = _load(path)
        opened = Archive(program, labels, _output_names(program, labels), _input_shape(program), sha256_of(path))
    except OSError as error:
        text = f"{path}: cannot be read ({error.strerror}); grant the worker's user read access"
        raise ConfigurationError(text) from error
    except (*_MALFORMED, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigurationError(f"{path}: {error}; {REMEDY}") from error
    if labels.unreachable:
        log.warning(
            "%s: no path of the hierarchy contains %s: these labels are never reported",
            path,
            ", ".join(labels.unreachable),
            extra={"event": "model.labels_unreachable", "path": str(path), "labels": labels.unreachable},
        )
    return opened


def _inspect(path: Path) -> Labels:
    """The labels, read without PyTorch. ValueError if the file is not an archive or contains a pickle."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("is not a torch.export archive")
        return _inspect_members(zipfile.ZipFile(file))


def _inspect_members(archive: zipfile.ZipFile) -> Labels:
    with archive:
        members = archive.namelist()
        root = members[0].split("/")[0] if members else ""
        if f"{root}/archive_format" not in members or f"{root}/models/model.json" not in members:
            raise ValueError("is not a torch.export archive of PyTorch 2.8 or later")
        if len(set(members)) != len(members) or f"{root}/extra/{LABELS_FILE}" not in members:
            raise ValueError(f"does not have exactly one {LABELS_FILE} among its extra files")
        _refuse_pickles(archive, root)
        damaged = archive.testzip()  # PyTorch does not verify checksums
        if damaged is not None:
            raise ValueError(f"is damaged ({damaged}): copy it again")
        return _labels(archive.read(f"{root}/extra/{LABELS_FILE}"))


def _refuse_pickles(archive: zipfile.ZipFile, root: str) -> None:
    for kind in ("weights", "constants"):
        if f"{root}/data/{kind}/model.pt" in archive.namelist():
            raise ValueError(f"holds its {kind} as a pickle")
        config = json.loads(archive.read(f"{root}/data/{kind}/model_{kind}_config.json"))["config"]
        for name, payload in config.items():
            if payload["use_pickle"] or not payload["path_name"].startswith(("weight_", "tensor_")):
                raise ValueError(f"holds {name} as a pickle")
    _read_without_unpickling(archive.read(f"{root}/data/sample_inputs/model.pt"))


def _read_without_unpickling(sample_inputs: bytes) -> None:
    import torch  # noqa: PLC0415

    try:
        torch.load(io.BytesIO(sample_inputs), weights_only=True)
    except Exception as error:  # torch raises its own exceptions and those of pickle
        raise ValueError("holds example inputs that are not plain tensors") from error


def _labels(content: bytes) -> Labels:
    try:
        return Labels.parse(content.decode())
    except ValueError as error:
        raise ValueError(f"{LABELS_FILE}: {error}") from None


def _load(path: Path) -> ExportedProgram:
    import torch  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            program = torch.export.load(file)
    except Exception as error:  # e.g. a schema of another PyTorch version, or an operator that this version lacks
        raise ValueError(f"PyTorch {torch.__version__} cannot read the archive: {error}") from error
    nan = backend.nan_weight(program.state_dict)
    if nan is not None:
        raise ValueError(f"weights contain NaN ({nan})")
    operation = graph_check.train_mode_operation(program)
    if operation is not None:
        raise ValueError(f"{operation} is in train mode; call model.eval() before torch.export")
    return program


def _output_names(program: ExportedProgram, labels: Labels) -> tuple[str, ...]:
    """The keys of the returned dict, in the order of the flattened outputs."""
    spec = program.call_spec.out_spec
    names = tuple(spec.context) if spec is not None and spec.type is dict else ()
    required = set(names).difference(OPTIONAL_OUTPUTS)
    if required != set(REQUIRED_OUTPUTS) or any(not child.is_leaf() for child in spec.children()):
        optional = f" (optional: {', '.join(OPTIONAL_OUTPUTS)})" if OPTIONAL_OUTPUTS else ""
        raise ValueError(
            f"returns {spec}, not a dict of one tensor for each of {', '.join(REQUIRED_OUTPUTS)}{optional}"
        )
    if set(names) != set(labels.names):
        raise ValueError(f"returns {', '.join(names)}, but {LABELS_FILE} has names for {', '.join(labels.names)}")
    return names


def _input_shape(program: ExportedProgram) -> Shape:
    inputs = program.graph_signature.user_inputs
    shapes = [node.meta["val"].shape for node in program.graph.nodes if node.name in inputs]
    lengths = [tuple(size if isinstance(size, int) else -1 for size in shape) for shape in shapes]
    if len(lengths) != 1 or lengths[0][1:] != (3, SNAPSHOT_PX, SNAPSHOT_PX):
        raise ValueError(f"takes {lengths}, not one batch of [N, 3, {SNAPSHOT_PX}, {SNAPSHOT_PX}]")
    return (lengths[0][0], 3, SNAPSHOT_PX, SNAPSHOT_PX)

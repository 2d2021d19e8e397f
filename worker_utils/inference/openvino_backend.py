"""Models on the CPU through OpenVINO, converted once and kept in the cache folder.

An entry is a folder of its own, named by the weights' SHA-256, the input's shape and the converters' versions. It
appears whole (written aside, then renamed) and holds the digest of its own files: one that does not match is made anew.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import openvino as ov
import torch
from torch.export import ExportedProgram

from video_analysis.worker_utils.execution.file_lock import alone
from video_analysis.worker_utils.inference.protocol import Batch, Outputs, Shape, in_steps

EXAMPLE: Shape = (2, 3, 320, 320)
"""What a module is traced on where its input has no fixed length."""

MAKING = ".making-"
"""How folders begin that are not whole yet."""

log = logging.getLogger(__name__)


class OpenVinoNetwork:
    """A compiled IR. The same picture gives the same bits in a batch of any size and with any number of threads.

    Each core is a stream of its own and computes a pass alone: threads that share a pass wait for its slowest, and
    the slowest is the one whose core another stage of the chain has just taken. A pass holds one picture: a core gains
    nothing by more, and the last bits would depend on how many others there were.
    """

    def __init__(self, xml: Path, threads: int) -> None:
        model = _core().read_model(xml)
        lengths = [-1 if length.is_dynamic else length.get_length() for length in model.input(0).partial_shape]
        self.input_shape: Shape = (lengths[0], lengths[1], lengths[2], lengths[3])
        self.streams = threads
        hints = {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        self._compiled = _core().compile_model(model, "CPU", hints)
        self.precision = str(self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        self._idle: list[ov.InferRequest] = []

    def __call__(self, batch: Batch) -> Outputs:
        """See `Network`."""
        return in_steps(self._run, batch, self.input_shape[0])

    def _run(self, batch: Batch) -> Outputs:
        step = max(1, self.input_shape[0])
        pieces = [np.ascontiguousarray(batch[start : start + step]) for start in range(0, len(batch), step)]
        requests = [self._request() for _ in pieces[: self.streams]]
        parts: list[Outputs] = []
        for place, piece in enumerate(pieces):
            request = requests[place % len(requests)]
            if place >= len(requests):
                parts.append(_answer(request))
            request.start_async([piece], share_inputs=True)
        ahead = len(parts)
        parts += [_answer(requests[place % len(requests)]) for place in range(ahead, len(pieces))]
        self._idle += requests
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _request(self) -> ov.InferRequest:
        """One that nobody uses. There are never more than callers times streams."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()


def _answer(request: ov.InferRequest) -> Outputs:
    request.wait()
    return [np.array(output.data, np.float32) for output in request.output_tensors]


@cache
def _core() -> ov.Core:
    """One a process, never let go: compiling sets the thread's signal stack, and the memory of that stack goes with
    the last core, after which the next SIGTERM kills the process (SIGSEGV) instead of stopping it.
    """
    core = ov.Core()
    _first_pass(core)
    return core


def _first_pass(core: ov.Core) -> None:
    """Over next to nothing, by one thread: a process whose first two passes begin at once may stand still for ever.

    The bindings fill tables at the first pass (`Type.to_dtype`): the thread at it lets go of the interpreter for a
    moment, another takes it along into C++'s guard of that table, and then each waits for what the other holds. No
    Python runs any more, so that no stall rule could end it either.
    """
    number = ov.opset8.parameter([1], np.float32)
    model = ov.Model([ov.opset8.relu(number)], [number], "first_pass")
    request = core.compile_model(model, "CPU", {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}).create_infer_request()
    request.start_async([np.zeros(1, np.float32)], share_inputs=True)
    _answer(request)


def converted(
    module: torch.nn.Module | ExportedProgram, name: str, fingerprint: str, input_shape: Shape, cache_dir: Path
) -> Path:
    """The IR's .xml of a loaded model; converted now where the cache has none that is whole.

    Several processes may ask at once: one converts, the others wait for it.
    """
    shape = "x".join("N" if length < 0 else str(length) for length in input_shape)
    versions = hashlib.sha256(f"{ov.__version__} {torch.__version__}".encode()).hexdigest()[:8]
    entry = cache_dir / "openvino" / f"{name}-{fingerprint[:16]}-{shape}-{versions}"
    with alone(entry.parent):
        if not _is_whole(entry):
            for left in entry.parent.glob(f"{MAKING}*"):  # by a process that was killed at it
                shutil.rmtree(left)
            log.info(
                "converting %s for OpenVINO; the result is cached",
                name,
                extra={"event": "model.converting", "network": name, "cache_entry": str(entry)},
            )
            _write(_convert(module, input_shape), entry)
    return entry / "model.xml"


def _convert(module: torch.nn.Module | ExportedProgram, input_shape: Shape) -> ov.Model:
    with warnings.catch_warnings():
        # The tracer's doubts about Python loops over a head's levels, and PyTorch's own deprecations inside OpenVINO.
        for category in (torch.jit.TracerWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        if isinstance(module, ExportedProgram):
            return ov.convert_model(module, input=list(input_shape))
        lengths = [length if length > 0 else example for length, example in zip(input_shape, EXAMPLE, strict=True)]
        return ov.convert_model(module.eval(), example_input=torch.zeros(lengths), input=list(input_shape))


def _write(model: ov.Model, entry: Path) -> None:
    """In full precision, so that the first start computes what all later ones do."""
    with tempfile.TemporaryDirectory(dir=entry.parent, prefix=MAKING) as folder:
        made = Path(folder) / entry.name
        made.mkdir()
        ov.save_model(model, made / "model.xml", compress_to_fp16=False)
        (made / "sha256").write_text(_digest(made))
        if entry.exists():
            shutil.rmtree(entry)
        made.rename(entry)


def _is_whole(entry: Path) -> bool:
    try:
        return (entry / "sha256").read_text() == _digest(entry)
    except FileNotFoundError:
        return False


def _digest(entry: Path) -> str:
    return " ".join(hashlib.sha256((entry / file).read_bytes()).hexdigest() for file in ("model.xml", "model.bin"))

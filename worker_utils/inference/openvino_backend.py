"""Models on the CPU through OpenVINO, converted once and cached.

A cache entry is a folder, named by the SHA-256 of the weights, the shape of the input and the versions of the
converters. It is written to a temporary folder and renamed. It holds the digest of its files: an entry that does not
match is replaced.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import openvino as ov
import torch
from torch.export import ExportedProgram

from video_analysis.worker_utils.execution.file_lock import exclusive_lock
from video_analysis.worker_utils.inference.protocol import Batch, Outputs, Shape, run_in_fixed_batches

EXAMPLE: Shape = (2, 3, 320, 320)
"""Lengths of the example input for tracing; used for each length of the input that is not fixed."""

ONE_STREAM = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}

TEMPORARY = ".making-"
"""Prefix of folders that are not complete yet."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Stream:
    """The model compiled for one core, with a thread of its own."""

    compiled: ov.CompiledModel
    in_use: int = 0
    idle: list[ov.InferRequest] = field(default_factory=list)

    def request(self) -> ov.InferRequest:
        """An idle request, or a new one. There are at most as many as callers."""
        try:
            return self.idle.pop()
        except IndexError:
            return self.compiled.create_infer_request()


class OpenVinoNetwork:
    """A compiled IR. The output of an image is bit-identical for every batch size and number of threads.

    Each stream has one core and computes its passes alone. Threads that share a pass would wait for the slowest one,
    whose core may be in use by another stage of the chain. A pass has one image: more images are not faster per core,
    and the last bits of the output would depend on the batch size.

    The model is compiled once per stream. Compiled once for several streams, OpenVINO's CPU plugin repeats a task until
    each of its threads has run it; on a busy machine one thread may take all of them, so that a start takes minutes.
    """

    def __init__(self, xml: Path, threads: int) -> None:
        model = _core().read_model(xml)
        lengths = [-1 if length.is_dynamic else length.get_length() for length in model.input(0).partial_shape]
        self.input_shape: Shape = (lengths[0], lengths[1], lengths[2], lengths[3])
        self.streams = threads
        self._streams = [_Stream(_core().compile_model(model, "CPU", ONE_STREAM)) for _ in range(threads)]
        self.precision = _precision(model, self._streams[0].compiled)
        self._lock = threading.Lock()

    def __call__(self, batch: Batch) -> Outputs:
        """See `Network`."""
        return run_in_fixed_batches(self._run, batch, self.input_shape[0])

    def _run(self, batch: Batch) -> Outputs:
        step = max(1, self.input_shape[0])
        pieces = [np.ascontiguousarray(batch[start : start + step]) for start in range(0, len(batch), step)]
        parts: list[Outputs] = []
        with self._requests(len(pieces)) as requests:
            for place, piece in enumerate(pieces):
                request = requests[place % len(requests)]
                if place >= len(requests):
                    parts.append(_result(request))
                request.start_async([piece], share_inputs=True)
            ahead = len(parts)
            parts += [_result(requests[place % len(requests)]) for place in range(ahead, len(pieces))]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    @contextmanager
    def _requests(self, pieces: int) -> Iterator[list[ov.InferRequest]]:
        """One request of each of the streams that are least in use, for at most so many pieces."""
        with self._lock:
            streams = sorted(self._streams, key=lambda stream: stream.in_use)[:pieces]
            for stream in streams:
                stream.in_use += 1
        try:
            requests = [stream.request() for stream in streams]
            yield requests
            for stream, request in zip(streams, requests, strict=True):
                stream.idle.append(request)
        finally:
            with self._lock:
                for stream in streams:
                    stream.in_use -= 1


def _precision(model: ov.Model, compiled: ov.CompiledModel) -> str:
    """`i8` for a quantised model, whose remaining operations run in the precision that OpenVINO chooses."""
    if any(operation.get_type_name() == "FakeQuantize" for operation in model.get_ops()):
        return "i8"
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())


def _result(request: ov.InferRequest) -> Outputs:
    request.wait()
    return [np.array(output.data, np.float32) for output in request.output_tensors]


@cache
def _core() -> ov.Core:
    """The only core of the process. It is never freed.

    Compiling sets the signal stack of the thread, and freeing the last core frees the memory of that stack. The next
    SIGTERM would then crash the process (SIGSEGV) instead of stopping it.
    """
    core = ov.Core()
    _first_pass(core)
    return core


def _first_pass(core: ov.Core) -> None:
    """Run one minimal pass in one thread: a process that starts its first two passes at once may deadlock.

    The bindings fill tables at the first pass (`Type.to_dtype`). The thread that fills a table releases the GIL for a
    moment; another thread takes the GIL and waits for the C++ guard of that table, and each waits for the other. No
    Python code runs any more, so the stall detection cannot end the process either.
    """
    number = ov.opset8.parameter([1], np.float32)
    model = ov.Model([ov.opset8.relu(number)], [number], "first_pass")
    request = core.compile_model(model, "CPU", ONE_STREAM).create_infer_request()
    request.start_async([np.zeros(1, np.float32)], share_inputs=True)
    _result(request)


def converted(
    module: torch.nn.Module | ExportedProgram, name: str, fingerprint: str, input_shape: Shape, cache_dir: Path
) -> Path:
    """The .xml of the IR of a loaded model; converted now if the cache has no valid entry.

    If several processes need it at once, one converts and the others wait.
    """
    shape = "x".join("N" if length < 0 else str(length) for length in input_shape)
    versions = hashlib.sha256(f"{ov.__version__} {torch.__version__}".encode()).hexdigest()[:8]
    entry = cache_dir / "openvino" / f"{name}-{fingerprint[:16]}-{shape}-{versions}"
    with exclusive_lock(entry.parent):
        if not _is_valid(entry):
            for left in entry.parent.glob(f"{TEMPORARY}*"):  # from processes that were killed
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
        # Tracer warnings about Python loops over the levels of a head, and deprecations of PyTorch used by OpenVINO.
        for category in (torch.jit.TracerWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        if isinstance(module, ExportedProgram):
            return ov.convert_model(module, input=list(input_shape))
        lengths = [length if length > 0 else example for length, example in zip(input_shape, EXAMPLE, strict=True)]
        return ov.convert_model(module.eval(), example_input=torch.zeros(lengths), input=list(input_shape))


def _write(model: ov.Model, entry: Path) -> None:
    """Save in full precision, so that every start gives the same outputs."""
    with tempfile.TemporaryDirectory(dir=entry.parent, prefix=TEMPORARY) as folder:
        made = Path(folder) / entry.name
        made.mkdir()
        ov.save_model(model, made / "model.xml", compress_to_fp16=False)
        (made / "sha256").write_text(_digest(made))
        if entry.exists():
            shutil.rmtree(entry)
        made.rename(entry)


def _is_valid(entry: Path) -> bool:
    try:
        return (entry / "sha256").read_text() == _digest(entry)
    except FileNotFoundError:
        return False


def _digest(entry: Path) -> str:
    return " ".join(hashlib.sha256((entry / file).read_bytes()).hexdigest() for file in ("model.xml", "model.bin"))

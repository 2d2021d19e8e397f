"""Read malformed files with the worker's own code in a separate process, so that a crash or hang is only a result.

Each file is copied to a private temporary folder and read by `video` or `jpeg_check`, as in the worker.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from video_analysis.worker_utils.errors import ErrorCode, Permanent
from video_analysis.worker_utils.execution import temp_dirs
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE

Outcome = Literal["read", "refused", "unexpected_error", "crashed", "hung"]
ADDRESS_SPACE_BYTES = 6 << 30
"""An allocation beyond it fails. The scenarios have lower limits for the resident size."""
LIMIT_S = 300.0
"""Wall-clock time; large, since the machine may be busy."""
_STRIDE = 3
_WARM_UPS, _REPEATS, _ROUNDS = 10, 30, 3
_MOST_GROWTH_MB = 10
"""Allocators keep pieces of memory; a leak of one picture or packet per read is larger."""
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading one file."""

    outcome: Outcome
    reason: str
    """What was read, why it was refused, or which error occurred."""
    seconds: float = 0.0
    """Processor time of all threads."""
    peak_mb: int = 0
    """Peak resident size of the process while it read this file, with all libraries."""
    code: ErrorCode | None = None
    """The error code of a refusal."""


class Sandbox:
    """One reader process, started again after a crash or hang."""

    def __init__(self, subject: str, folder: Path, limit_s: float = LIMIT_S) -> None:
        self._command = [sys.executable, "-m", "video_analysis.tests.chaos.bad_sandbox", subject, str(folder)]
        self._limit_s = limit_s
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> ReadResult:
        """Read a file with the worker's code."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
        if not select.select([process.stdout], [], [], self._limit_s)[0]:
            self.close()
            return ReadResult("hung", f"nothing after {self._limit_s:.0f} s")
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self.close()
            return ReadResult("crashed", f"the process ended with {code}")
        return ReadResult(**json.loads(line))

    def close(self) -> None:
        """End the process, if any."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            pipe, silent = subprocess.PIPE, subprocess.DEVNULL  # libjpeg warns about truncated pictures
            self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=silent, text=True)
        return self._process


@contextlib.contextmanager
def sandbox(subject: str, folder: Path, limit_s: float = LIMIT_S) -> Iterator[Sandbox]:
    """A sandbox for the duration of the block."""
    made = Sandbox(subject, folder, limit_s)
    try:
        yield made
    finally:
        made.close()


def _video(path: Path) -> str:
    """Probe the file, decode every third frame and judge what is missing, as stage 1 does."""
    from video_analysis.yolo_worker.source import damage, video_file  # noqa: PLC0415  # pictures need no video decoder

    source = video_file.VideoFile(path, _STRIDE)
    _ = source.info
    frames, last_ms = 0, 0
    for frame in source.frames():
        assert frame.index == _STRIDE * frames, "frames are not numbered by the stride"
        assert frame.offset_ms >= last_ms, "offsets fall"
        assert frame.image.shape[2:] == (3,), "no colour picture"
        assert frame.image.flags.c_contiguous, "no contiguous picture"
        frames, last_ms = frames + 1, frame.offset_ms
    assert frames, "a video without frames was not refused"
    damage.check(source.damage)
    return f"{frames} frames"


def _repeated_video(path: Path) -> str:
    """The same many times; the resident memory must not grow in each of the rounds.

    What the allocator keeps of other files makes it rise and fall by some MB, but not in all rounds.
    """
    result = _many_times(path, _WARM_UPS)
    for _ in range(_ROUNDS):
        before_mb = _memory_mb("VmRSS")
        result = _many_times(path, _REPEATS)
        grown_mb = _memory_mb("VmRSS") - before_mb
        if grown_mb <= _MOST_GROWTH_MB:
            return result
    raise AssertionError(f"{grown_mb} MB more after {_REPEATS} reads, {_ROUNDS} times")


def _many_times(path: Path, count: int) -> str:
    result = ""
    for _ in range(count):
        try:
            result = _video(path)
        except Permanent as refusal:
            result = f"refused: {refusal}"
    gc.collect()
    return result


def _snapshot(path: Path) -> str:
    shape = check_snapshot(path.read_bytes(), CONTENT_TYPE).shape
    return f"{shape}"


SUBJECTS: dict[str, Callable[[Path], str]] = {
    "video": _video,
    "repeated video": _repeated_video,
    "snapshot": _snapshot,
}


def _reading(read: Callable[[Path], str], folder: Path, source: Path) -> ReadResult:
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    begun_s = time.process_time()
    outcome: Outcome = "read"
    code: ErrorCode | None = None
    with temp_dirs.private_folder(folder, "CVITX_TEMP_DIR") as private:
        path = Path(shutil.copyfile(source, private / "video.mp4"))
        try:
            reason = read(path)
        except Permanent as refusal:
            outcome, reason, code = "refused", str(refusal), refusal.code
        except Exception as error:  # noqa: BLE001  # any other exception is a fault
            outcome, reason = "unexpected_error", f"{type(error).__name__}: {error}"
        if _is_open(path):
            outcome, reason = "unexpected_error", "the file is still open"
    return ReadResult(outcome, reason, round(time.process_time() - begun_s, 3), _memory_mb("VmHWM"), code)


def _is_open(path: Path) -> bool:
    return any(os.path.realpath(link) == str(path.resolve()) for link in Path("/proc/self/fd").iterdir())


def _memory_mb(name: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) >> 10


def main(subject: str, folder: str) -> None:
    """Read each path from stdin, and write the result as a line of JSON to stdout."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        reading = _reading(SUBJECTS[subject], Path(folder), Path(line.rstrip("\n")))
        sys.stdout.write(json.dumps(asdict(reading)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

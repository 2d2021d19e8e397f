"""Private folders for fetched videos: gone when their block ends, or swept by the next start if it was killed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from video_analysis.worker_utils.errors import EnvironmentFault

PREFIX = "cvitx-video-"
LOCK = "lock"
"""Held by flock(2) while the folder is in use: the kernel lets go of it when the process dies, however it dies."""


@contextmanager
def private_folder(parent: Path | None, setting: str) -> Iterator[Path]:
    """A folder for this user alone, locked and then removed. EnvironmentFault, naming `setting`, where none can be."""
    with ExitStack() as held:
        try:
            made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True)
            folder = Path(held.enter_context(made))
            (folder / f"{LOCK}.new").touch(0o600)
            file = held.enter_context((folder / f"{LOCK}.new").open("wb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under its name only once it is locked: a sweep in between would take the folder for an abandoned one.
            (folder / f"{LOCK}.new").rename(folder / LOCK)
        except OSError as error:
            text = f"no temporary folder can be made, see {setting}: {error}"
            raise EnvironmentFault(text, code="temp_dir_unusable") from error
        yield folder


def sweep(parent: Path | None) -> None:
    """Remove the folders that killed processes left behind; those in use, or another user's, stay."""
    for lock in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{LOCK}"):
        try:
            with lock.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue

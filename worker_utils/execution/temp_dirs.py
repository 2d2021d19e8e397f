"""Private temporary folders for downloaded videos. Folders of killed processes are removed at the next start."""

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
"""Locked by flock(2) while the folder is in use; the kernel releases the lock when the process ends in any way."""


@contextmanager
def private_folder(parent: Path | None, setting: str) -> Iterator[Path]:
    """A locked folder that only this user can read; removed at the end. EnvironmentFault names `setting`."""
    with ExitStack() as held:
        try:
            made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True)
            folder = Path(held.enter_context(made))
            (folder / f"{LOCK}.new").touch(0o600)
            file = held.enter_context((folder / f"{LOCK}.new").open("wb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A sweep finds only the final name. The file is locked before the rename, so no sweep can lock it.
            (folder / f"{LOCK}.new").rename(folder / LOCK)
        except OSError as error:
            text = f"no temporary folder can be created, see {setting}: {error}"
            raise EnvironmentFault(text, code="temp_dir_unusable") from error
        yield folder


def sweep(parent: Path | None) -> None:
    """Remove the folders of killed processes. Folders in use and folders of other users are not removed."""
    for lock in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{LOCK}"):
        try:
            with lock.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue

"""Checkpoints that the bundle lacks: fetched from the model store, kept in the cache folder, stood in for.

A checkpoint is code, so nothing is opened before its hash has been held against the one that the store's manifest
vouches for or, where the store cannot be had, against the one recorded when it was last loaded.

    <cache>/models/<sha256>/<name>     fetched files; each appears whole, under its own hash
    <cache>/models/<name>.last         the hash of the last one of that name that loaded
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from video_analysis.main_worker.classification import manifest
from video_analysis.main_worker.classification.manifest import Entry
from video_analysis.main_worker.evidence import Fallback, FallbackCode
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.errors import ConfigurationError, WorkerError
from video_analysis.worker_utils.execution.file_lock import exclusive_lock
from video_analysis.worker_utils.inference.backend import sha256_of

LONGEST_DETAIL = 600
"""Characters of a fallback's detail, which is stored in each row."""
_ORIGINS: dict[FallbackCode, str] = {
    "last_good": "the last good one stands in",
    "fallback_checkpoint": "CVITX_FALLBACK_CHECKPOINT stands in",
}
"""For the log; rows have the code."""
_CHECKPOINTS = ("main_checkpoint", "baseline_checkpoint", "cmt_checkpoint")
Loaded = TypeVar("Loaded")

log = logging.getLogger(__name__)


class Unavailable(Exception):
    """There is no such checkpoint to be had from here; the text says why."""


class Storage(Protocol):
    """The store's bucket; its temporary files lie in the folder of `folder_of`."""

    def fetch(self, key: str, on_progress: Callable[[], None]) -> AbstractContextManager[Path]:
        """The object as a private local file that is gone when the block ends."""

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of a small object."""


def folder_of(config: WorkerConfig) -> Path:
    """Where fetched checkpoints are kept."""
    return config.path(config.cache_dir) / "models"


def parse_uri(uri: str) -> tuple[str, str]:
    """(bucket, prefix) of a configured model store."""
    bucket, _, prefix = uri.removeprefix("s3://").rstrip("/").partition("/")
    return bucket, prefix


def provides(path: Path, config: WorkerConfig) -> bool:
    """Whether the checkpoint at `path` comes from the store: the file does not exist, and no setting names it."""
    own = (field for field in _CHECKPOINTS if field in config.model_fields_set)
    return not path.exists() and path not in [config.path(getattr(config, field)) for field in own]


class ModelStore:
    """The store at `uri` (s3://bucket/prefix), and what of it is kept in `folder`."""

    def __init__(self, storage: Storage, uri: str, folder: Path) -> None:
        self._storage = storage
        self._uri = uri
        self._prefix = parse_uri(uri)[1]
        self._folder = folder

    def current(self, name: str) -> Path:
        """The file that the manifest vouches for under `name`, fetched now unless it is here. Unavailable says why."""
        try:
            entry = self._entry(name)
            path = self._folder / entry.sha256 / name
            with exclusive_lock(self._folder):
                if not _is(path, entry.sha256):
                    self._fetch(name, entry, path)
        except (WorkerError, OSError, ValueError) as error:
            raise Unavailable(f"{name} cannot be had from CVITX_MODEL_STORE={self._uri}: {error}") from error
        return path

    def last_good(self, name: str) -> Path:
        """The last file of that name that loaded, if it still is what it was. Unavailable says why not."""
        sha256 = self._remembered(name)
        path = self._folder / sha256 / name
        if not sha256:
            raise Unavailable(f"no {name} of the store was ever loaded here")
        if not _is(path, sha256):
            raise Unavailable(f"the last good {name} is no longer what it was ({path})")
        return path

    def remember(self, path: Path) -> None:
        """`path`, which `current` gave, loads: from now on it is the last good one of its name."""
        if self._remembered(path.name) == path.parent.name:
            return
        note = self._folder / f"{path.name}.last"
        try:
            with exclusive_lock(self._folder):
                note.with_suffix(".new").write_text(path.parent.name, "ascii")
                note.with_suffix(".new").replace(note)
        except OSError as error:
            log.warning(
                "%s could not be recorded as the last good checkpoint: %s",
                path,
                error,
                extra={"event": "model.record_failed", "path": str(path)},
            )

    def _remembered(self, name: str) -> str:
        """The recorded hash; empty where there is none."""
        try:
            return (self._folder / f"{name}.last").read_text("ascii")
        except (OSError, ValueError):
            return ""

    def _entry(self, name: str) -> Entry:
        content, _ = self._storage.fetch_bytes(f"{self._prefix}/{manifest.MANIFEST}", manifest.LARGEST_BYTES)
        return manifest.entry(content, name)

    def _fetch(self, name: str, entry: Entry, path: Path) -> None:
        log.info(
            "fetching %s from the model store",
            name,
            extra={"event": "model.fetching", "file": name, "sha256": entry.sha256, "size_bytes": entry.bytes},
        )
        with self._storage.fetch(f"{self._prefix}/{name}", lambda: None) as fetched:
            size_bytes, sha256 = fetched.stat().st_size, sha256_of(fetched)
            if (size_bytes, sha256) != (entry.bytes, entry.sha256):
                came, wanted = f"{size_bytes} bytes, SHA-256 {sha256}", f"{entry.bytes}, {entry.sha256}"
                raise ValueError(f"{manifest.MANIFEST} vouches for {wanted}; what came is {came}")
            with fetched.open("rb") as file:
                os.fsync(file.fileno())
            path.parent.mkdir(exist_ok=True)
            fetched.replace(path)


def load(
    name: str, store: ModelStore, last_resort: Path | None, loader: Callable[[Path, Fallback | None], Loaded]
) -> Loaded:
    """Load the store's file `name`, else the last good file of that name, else the file at `last_resort`.

    `loader` gets the path and, unless it is the store's current file, why another file replaces that one.
    ConfigurationError if none of them loads.
    """
    reasons: list[str] = []
    sources: tuple[tuple[FallbackCode | None, Callable[[str], Path]], ...] = (
        (None, store.current),
        ("last_good", store.last_good),
        ("fallback_checkpoint", lambda _: _configured(last_resort)),
    )
    for code, find in sources:
        detail = "; ".join(reasons)
        fallback = None if code is None else Fallback(code, schema_check.printable(detail, LONGEST_DETAIL))
        try:
            path = find(name)
            loaded = loader(path, fallback)
        except (Unavailable, ConfigurationError) as error:
            reasons.append(str(error))
            continue
        if code is None:
            store.remember(path)
        else:
            reason = f"{_ORIGINS[code]}: {detail}"
            log.error("checkpoint replaced: %s", reason, extra={"event": "model.fallback_used", "path": str(path)})
        return loaded
    raise ConfigurationError("; ".join([*reasons, f"put {name} into the bundle, or mend the store"]))


def _configured(last_resort: Path | None) -> Path:
    if last_resort is None:
        raise Unavailable("CVITX_FALLBACK_CHECKPOINT is not set")
    return last_resort


def _is(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and sha256_of(path) == sha256
    except OSError:
        return False

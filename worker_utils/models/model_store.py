"""Fetches model files that are not in the bundle from the model store, caches them, and uses a fallback if that fails.

Loading a model can execute code. Its hash is therefore compared before the file is opened: with the store's
manifest or, if the store is unavailable, with the hash that was recorded when the file was last loaded.

    <cache>/models/<sha256>/<name>     fetched files; renamed into place when complete
    <cache>/models/<name>.last         the hash of the last file of that name that loaded
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.errors import ConfigurationError, WorkerError
from video_analysis.worker_utils.execution.file_lock import exclusive_lock
from video_analysis.worker_utils.inference.backend import sha256_of
from video_analysis.worker_utils.models import manifest
from video_analysis.worker_utils.models.fallback import Fallback, FallbackCode
from video_analysis.worker_utils.models.manifest import Entry, NotListed

LONGEST_DETAIL = 600
"""Characters of a fallback's detail, which is stored in each row."""
_ORIGINS: dict[FallbackCode, str] = {
    "last_good": "the last good one is used",
    "fallback_checkpoint": "CVITX_FALLBACK_CHECKPOINT is used",
}
"""The text of each code in the log; rows have the code."""
Loaded = TypeVar("Loaded")

log = logging.getLogger(__name__)


class Unavailable(Exception):
    """The file cannot be read from this source; the text states why."""


class ModelStorage(Protocol):
    """The bucket of the model store. It downloads into the folder of the cache: files can be renamed into place."""

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of a small object."""

    def fetch(self, key: str, on_progress: Callable[[], None]) -> AbstractContextManager[FetchedFile]:
        """The object as a local file that is removed when the block ends."""


def parse_uri(uri: str) -> tuple[str, str]:
    """(bucket, prefix) of a configured model store."""
    bucket, _, prefix = uri.removeprefix("s3://").rstrip("/").partition("/")
    return bucket, prefix


class ModelStore:
    """The store at `uri` (s3://bucket/prefix), with its cache in `folder`."""

    def __init__(self, storage: ModelStorage, uri: str, folder: Path) -> None:
        self._storage = storage
        self._uri = uri
        self._prefix = parse_uri(uri)[1]
        self._folder = folder

    def current(self, name: str) -> Path:
        """The file that the manifest lists as `name`, fetched unless it is cached. Unavailable states the reason."""
        try:
            entry = self._entry(name)
            path = self._folder / entry.sha256 / name
            with exclusive_lock(self._folder):
                if not _has_hash(path, entry.sha256):
                    self._fetch(name, entry, path)
        except (WorkerError, OSError, ValueError) as error:
            raise Unavailable(f"{name} cannot be fetched from CVITX_MODEL_STORE={self._uri}: {error}") from error
        return path

    def names(self) -> list[str]:
        """The names in the manifest. Unavailable states why it cannot be read, with the failure as its cause."""
        try:
            return manifest.names(self._manifest())
        except (WorkerError, OSError, ValueError) as error:
            raise Unavailable(f"CVITX_MODEL_STORE={self._uri} cannot be read: {error}") from error

    def lists(self, name: str) -> bool:
        """Whether the manifest lists a file that a worker does not need.

        If the manifest cannot be read: whether a file of that name has loaded on this host, else a warning.
        """
        try:
            self._entry(name)
        except NotListed:
            return False
        except (WorkerError, OSError, ValueError) as error:
            if self._recorded(name):
                return True
            log.warning(
                "%s is not used, because CVITX_MODEL_STORE=%s cannot be read: %s",
                name,
                self._uri,
                error,
                extra={"event": "model.store_unreadable", "file": name},
            )
            return False
        return True

    def last_good(self, name: str) -> Path:
        """The last file of that name that loaded, if it is unchanged. Unavailable states the reason."""
        sha256 = self._recorded(name)
        path = self._folder / sha256 / name
        if not sha256:
            raise Unavailable(f"{name} from the store was never loaded on this host")
        if not _has_hash(path, sha256):
            raise Unavailable(f"the last good {name} has changed or is missing ({path})")
        return path

    def record_good(self, path: Path) -> None:
        """Record that `path`, a result of `current`, was loaded: it is now the last good file of its name."""
        if self._recorded(path.name) == path.parent.name:
            return
        record = self._folder / f"{path.name}.last"
        try:
            with exclusive_lock(self._folder):
                record.with_suffix(".new").write_text(path.parent.name, "ascii")
                record.with_suffix(".new").replace(record)
        except OSError as error:
            log.warning(
                "%s could not be recorded as the last good checkpoint: %s",
                path,
                error,
                extra={"event": "model.record_failed", "path": str(path)},
            )

    def _recorded(self, name: str) -> str:
        """The recorded hash; empty if there is none."""
        try:
            return (self._folder / f"{name}.last").read_text("ascii")
        except (OSError, ValueError):
            return ""

    def _entry(self, name: str) -> Entry:
        return manifest.entry(self._manifest(), name)

    def _manifest(self) -> bytes:
        content, _ = self._storage.fetch_bytes(f"{self._prefix}/{manifest.MANIFEST}", manifest.LARGEST_BYTES)
        return content

    def _fetch(self, name: str, entry: Entry, path: Path) -> None:
        log.info(
            "fetching %s from the model store",
            name,
            extra={"event": "model.fetching", "file": name, "sha256": entry.sha256, "size_bytes": entry.bytes},
        )
        with self._storage.fetch(f"{self._prefix}/{name}", lambda: None) as file:
            fetched = file.path
            size_bytes, sha256 = fetched.stat().st_size, sha256_of(fetched)
            if (size_bytes, sha256) != (entry.bytes, entry.sha256):
                received = f"{size_bytes} bytes, SHA-256 {sha256}"
                raise ValueError(f"{manifest.MANIFEST} lists {entry.bytes}, {entry.sha256}; received {received}")
            with fetched.open("rb") as content:
                os.fsync(content.fileno())
            path.parent.mkdir(exist_ok=True)
            fetched.replace(path)


def load(
    name: str,
    store: ModelStore,
    loader: Callable[[Path, Fallback | None], Loaded],
    last_resort: Callable[[], Path] | None = None,
) -> Loaded:
    """Load the store's file `name`, else the last good file of that name, else that of `last_resort`.

    `loader` gets the path and, for any file but the store's current one, the reason for the replacement.
    ConfigurationError if none of them loads.
    """
    reasons: list[str] = []
    sources: list[tuple[FallbackCode | None, Callable[[str], Path]]] = [
        (None, store.current),
        ("last_good", store.last_good),
    ]
    if last_resort is not None:
        sources.append(("fallback_checkpoint", lambda _: last_resort()))
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
            store.record_good(path)
        else:
            reason = f"{_ORIGINS[code]}: {detail}"
            log.error("model replaced: %s", reason, extra={"event": "model.fallback_used", "path": str(path)})
        return loaded
    raise ConfigurationError("; ".join([*reasons, f"put {name} into the bundle, or repair the store"]))


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and sha256_of(path) == sha256
    except OSError:
        return False

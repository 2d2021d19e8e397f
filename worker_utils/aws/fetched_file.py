"""A downloaded object. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A local copy of an object, and which version of the object it is."""

    path: Path
    etag: str
    """As S3 returns it, with its quotes. Another content has another one."""
    size_bytes: int

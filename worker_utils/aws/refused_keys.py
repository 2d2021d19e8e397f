"""The keys that the probes of S3 repeat: a fault may affect some keys only, and a probe with another key would pass."""

from __future__ import annotations

import threading
from typing import Literal

from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Permanent, WorkerError

Permission = Literal["s3:GetObject", "s3:PutObject"]
READ: Permission = "s3:GetObject"
WRITE: Permission = "s3:PutObject"


class RefusedKeys:
    """The outcomes of the latest calls, and the key that a probe tries because of them. Thread-safe.

    A KMS key that refuses a read may be that of one object. If it refuses `limit` different objects in a row, the probe
    reads the object that was read last: while that one is refused too, no object can be read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._refused: dict[Permission, tuple[str, str]] = {}
        """The last key whose call was refused for a reason that affects every object, and the text of the failure."""
        self._kms_refused: list[str] = []
        """Different keys whose KMS key refused the read, since the last read that succeeded."""
        self._read_last: str | None = None

    def note_success(self, permission: Permission, key: str) -> None:
        """A call succeeded."""
        with self._lock:
            if permission in self._refused and self._refused[permission][0] == key:
                del self._refused[permission]
            if permission == READ:
                self._read_last = key
                self._kms_refused.clear()

    def note_failure(self, permission: Permission, key: str, failure: WorkerError) -> None:
        """A call failed."""
        with self._lock:
            if isinstance(failure, EnvironmentFault):
                self._refused[permission] = key, str(failure)
            elif is_refused_by_kms(failure):
                self._note_kms_refusal(key)
            elif isinstance(failure, MissingObject | Permanent):
                self._forget(key)

    def _note_kms_refusal(self, key: str) -> None:
        if key != self._read_last:
            self._kms_refused = [*(other for other in self._kms_refused if other != key), key][-self._limit :]

    def _forget(self, unavailable_key: str) -> None:
        """Reads of this object show nothing about other objects."""
        self._kms_refused = [key for key in self._kms_refused if key != unavailable_key]
        if unavailable_key == self._read_last:
            self._read_last = None
        if READ in self._refused and self._refused[READ][0] == unavailable_key:
            del self._refused[READ]

    def note_passed_probe(self, permission: Permission) -> None:
        """The probe passed."""
        with self._lock:
            self._refused.pop(permission, None)

    def key_of_probe(self, permission: Permission, default: str) -> str:
        """The key that the probe tries."""
        with self._lock:
            if permission in self._refused:
                return self._refused[permission][0]
            if permission == READ and len(self._kms_refused) >= self._limit:
                return self._read_last or self._kms_refused[-1]
            return default

    def last_refusal(self, permission: Permission) -> str:
        """The text of the failure for which the probe repeats a key; empty if there is none."""
        with self._lock:
            return self._refused[permission][1] if permission in self._refused else ""

    def kms_refuses_all(self) -> bool:
        """Whether `limit` different objects in a row were refused."""
        with self._lock:
            return len(self._kms_refused) >= self._limit


def is_refused_by_kms(failure: WorkerError) -> bool:
    """Whether the object exists, but the KMS key that it is encrypted with refuses the read."""
    return isinstance(failure, MissingObject) and failure.code != MissingObject.default_code

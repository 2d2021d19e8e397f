"""State that the consumer keeps between messages: permanent failures by message id, and keys denied in a row."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Permanent, WorkerError, strip_traceback

REMEMBERED = 10_000


class FailureCache:
    """The latest permanent failures by message id, so that further receives of a failed message need no work.

    A message that is redriven from the dead-letter queue has a new id, so it is processed again.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._failures: OrderedDict[str, Permanent] = OrderedDict()

    def remember(self, message_id: str, failure: Permanent) -> None:
        """Keep the failure. When the cache is full, the least recently used one is dropped."""
        self._failures[message_id] = strip_traceback(failure)
        self._failures.move_to_end(message_id)
        if len(self._failures) > self._limit:
            self._failures.popitem(last=False)

    def recall(self, message_id: str) -> Permanent | None:
        """The failure of this message, or None."""
        failure = self._failures.get(message_id)
        if failure is not None:
            self._failures.move_to_end(message_id)
        return failure


class DeniedKeys:
    """Distinguishes missing objects from a role without permission, and the KMS key of one object from that of all.

    After `limit` different denied keys in a row the role, or the KMS key, counts as the cause: every denied key is an
    EnvironmentFault, until a message succeeds. Each pause ends with a poll, so a worker that received only missing keys
    recovers at the first message that succeeds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: list[str] = []

    def apply(self, failures: Sequence[WorkerError | None]) -> list[WorkerError | None]:
        """The failures of one batch; MissingObject becomes EnvironmentFault once the limit is reached."""
        denied = [failure.key for failure in failures if isinstance(failure, MissingObject)]
        if None in failures:
            self._keys.clear()
            return list(failures)
        self._keys += [key for key in dict.fromkeys(denied) if key not in self._keys]
        del self._keys[self._limit :]
        if len(self._keys) < self._limit:
            return list(failures)
        return [self._fault_of_all(failure) if isinstance(failure, MissingObject) else failure for failure in failures]

    def _fault_of_all(self, failure: MissingObject) -> EnvironmentFault:
        text = f"{len(self._keys)} different keys denied in a row, the last: {failure}"
        if failure.code != MissingObject.default_code:  # of KMS: the text names the remedy
            return EnvironmentFault(text, code=failure.code)
        return EnvironmentFault(f"{text}; is s3:GetObject granted to the role in use?", code="permission_denied")

"""What the consumer remembers from message to message: verdicts by message id, and keys denied in a row."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Permanent, WorkerError, bare

REMEMBERED = 10_000


class Verdicts:
    """The last permanent failures by message id: repeats on the way to the dead-letter queue cost no work.

    A message redriven from there has a new id, so a repaired cause gets its new try.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._failures: OrderedDict[str, Permanent] = OrderedDict()

    def remember(self, message_id: str, failure: Permanent) -> None:
        """Keep the verdict, at the cost of the one that has not been asked for the longest."""
        self._failures[message_id] = bare(failure)
        self._failures.move_to_end(message_id)
        if len(self._failures) > self._limit:
            self._failures.popitem(last=False)

    def recall(self, message_id: str) -> Permanent | None:
        """The verdict on this message, if there is one."""
        failure = self._failures.get(message_id)
        if failure is not None:
            self._failures.move_to_end(message_id)
        return failure


class DeniedKeys:
    """Tells one message's missing object from a role that may read none: `limit` different keys in a row.

    From then on every denied key is the environment's fault, until anything succeeds. The pauses that follow
    end with a poll each time, so a worker that was only sent bad keys finds its way back by the first good one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: list[str] = []

    def judge(self, failures: Sequence[WorkerError | None]) -> list[WorkerError | None]:
        """The failures of one batch, with MissingObject turned into EnvironmentFault where that is what it is."""
        denied = [failure.key for failure in failures if isinstance(failure, MissingObject)]
        if None in failures:
            self._keys.clear()
            return list(failures)
        self._keys += [key for key in dict.fromkeys(denied) if key not in self._keys]
        del self._keys[self._limit :]
        if len(self._keys) < self._limit:
            return list(failures)
        return [self._blame(failure) if isinstance(failure, MissingObject) else failure for failure in failures]

    def _blame(self, failure: MissingObject) -> EnvironmentFault:
        return EnvironmentFault(
            f"{len(self._keys)} different keys denied in a row, the last: {failure}; "
            "is s3:GetObject granted to this worker's role?",
            code="permission_denied",
        )

"""A main_worker with one optimisation off: python -m video_analysis.benchmarks.bench.ablation_worker NAME."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from video_analysis.main_worker import run_poller
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.worker_utils.consumer import process
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import AnalysisState


def without_prefetch() -> AbstractContextManager[Any]:
    """No snapshot is fetched before its batch starts."""
    return patch.object(SnapshotWorker, "prefetch", lambda _worker, _delivery: None)


def without_batched_transactions() -> AbstractContextManager[Any]:
    """Each snapshot has its own transactions."""

    class OneByOne(ImageAnalysisRepository):
        def begin_analyses(self, requests: Sequence[Any]) -> list[AnalysisState]:
            return [state for request in requests for state in super(OneByOne, self).begin_analyses([request])]

        def finish_analyses(self, rows: Sequence[Any]) -> None:
            for row in rows:
                super().finish_analyses([row])

    return patch.object(run_poller, "ImageAnalysisRepository", OneByOne)


ABLATIONS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "without prefetch of snapshots": without_prefetch,
    "without batched transactions": without_batched_transactions,
}

if __name__ == "__main__":
    with ABLATIONS[sys.argv[1]]():
        sys.exit(process.run("main_worker", run_poller.build))

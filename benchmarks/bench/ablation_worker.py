"""A main_worker with one optimisation off: python -m video_analysis.benchmarks.bench.ablation_worker LEVER."""

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


def fetched_in_turn() -> AbstractContextManager[Any]:
    """No picture is fetched before its micro-batch begins."""
    return patch.object(SnapshotWorker, "prefetch", lambda _worker, _delivery: None)


def transaction_each() -> AbstractContextManager[Any]:
    """Each snapshot begins and finishes in transactions of its own."""

    class OneByOne(ImageAnalysisRepository):
        def begin_analyses(self, requests: Sequence[Any]) -> list[AnalysisState]:
            return [state for request in requests for state in super(OneByOne, self).begin_analyses([request])]

        def finish_analyses(self, rows: Sequence[Any]) -> None:
            for row in rows:
                super().finish_analyses([row])

    return patch.object(run_poller, "ImageAnalysisRepository", OneByOne)


LEVERS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "pictures fetched only when their turn comes": fetched_in_turn,
    "a transaction for each snapshot": transaction_each,
}

if __name__ == "__main__":
    with LEVERS[sys.argv[1]]():
        sys.exit(process.run("main_worker", run_poller.build))

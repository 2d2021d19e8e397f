"""main_worker's handler with a real classifier, and with its database and bucket in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import Forward, Logits, SnapshotImage
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.tests.support.snapshot_task import BUCKET
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.attempt_status import (
    AttemptState,
    RowState,
    Status,
    begun_alone,
    start_attempt_in_batch,
)
from video_analysis.worker_utils.db.row_types import (
    AnalysisRequest,
    AnalysisState,
    FinishedAnalysis,
    Variant,
    VariantResult,
)
from video_analysis.worker_utils.errors import (
    EnvironmentFault,
    ErrorCode,
    MissingObject,
    WorkerError,
)
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.models.fallback import Fallback

RED, GREEN, BLUE, BLACK = (0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 0, 0)
LABELS = Labels.model_validate(
    {
        "name": "colours",
        "types": ("Car", "SUV", "Van"),
        "makes": ("Toyota", "Honda", "Nissan"),
        "models": ("Vios", "CR-V", "Urvan"),
        "hierarchy": {"Car": {"Toyota": ("Vios",)}, "SUV": {"Honda": ("CR-V",)}, "Van": {"Nissan": ("Urvan",)}},
        "mean": (0, 0, 0),
        "std": (1, 1, 1),
        "thresholds": {"type": 0.5, "make": 0.5, "model": 0.5},
    }
)


class Colours(torch.nn.Module):  # type: ignore[misc]
    """Takes red for a Car, green for an SUV and blue for a Van."""

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        means = 12 * pictures.mean(dim=(2, 3))
        return {"type": means, "make": means + 0, "model": means * 1}


def classifier_of_colours(folder: Path) -> Classifier:
    """Loaded from its checkpoint, which is written to `folder`."""
    untrained_model.write(folder / "main.pt", Colours().eval(), LABELS)
    return Classifier.load(folder / "main.pt", "baseline", backend.choose("torch", 1, folder))


@dataclass
class Watched:
    """A real classifier that records its forward passes and can be made to fail."""

    model: Model
    checkpoint: str = "colours@1"
    fallback: Fallback | None = None
    passes: list[int] = field(default_factory=list)
    before: Callable[[Sequence[SnapshotImage]], None] = lambda pictures: None
    after: Callable[[Logits], Logits] = lambda logits: logits
    gflops: float | None = 0.5

    @property
    def labels(self) -> Labels:
        return self.model.labels

    def classify(self, images: Sequence[SnapshotImage]) -> Forward:
        self.passes.append(len(images))
        self.before(images)
        forward = self.model.classify(images)
        return replace(forward, logits=tuple(self.after(logits) for logits in forward.logits))

    def warm_up(self) -> None:
        self.before([np.zeros((640, 640, 3), np.uint8)])


@dataclass
class Row:
    """A row of image_analyses with its results."""

    id: str
    status: Status = "queued"
    attempt_state: AttemptState | None = None
    error_code: ErrorCode | None = None
    error_msg: str | None = None
    results: dict[str, VariantResult] = field(default_factory=dict)

    def write(self, row: RowState) -> None:
        self.status, self.attempt_state = row.status, row.attempt_state
        self.error_code, self.error_msg = row.error_code, row.error_msg


@dataclass
class Records:
    """image_analyses in memory."""

    rows: dict[str, Row] = field(default_factory=dict)
    begin_fault: Callable[[Sequence[AnalysisRequest]], None] = lambda requests: None
    finish_fault: Callable[[Sequence[FinishedAnalysis]], None] = lambda finished: None
    finishes: list[int] = field(default_factory=list)
    down: bool = False

    def begin_analyses(self, requests: Sequence[AnalysisRequest]) -> list[AnalysisState]:
        self.begin_fault(requests)
        return [self._begin(request) for request in requests]

    def _begin(self, request: AnalysisRequest) -> AnalysisState:
        uri = request.snapshot_s3_key
        row = self.rows.setdefault(uri, Row(id=str(len(self.rows))))
        found = RowState(row.status, row.attempt_state, row.error_code, row.error_msg)
        opened = start_attempt_in_batch(found, request.receive_count, request.is_last)
        checkpoints = {variant: result.checkpoint for variant, result in row.results.items()}
        died = opened.died_every_time, opened.died_before, opened.crashed_alone
        state = AnalysisState(row.id, uri, row.status, checkpoints, *died)
        row.write(opened.row)
        return state

    def mark_isolated_retry(self, analysis_id: str) -> None:
        row = next(row for row in self.rows.values() if row.id == analysis_id)
        if row.attempt_state == "retry_alone":
            row.write(begun_alone(RowState(row.status, row.attempt_state, row.error_code, row.error_msg)))

    def finish_analyses(self, finished: Sequence[FinishedAnalysis]) -> None:
        self.finish_fault(finished)
        self.finishes.append(len(finished))
        for one in finished:
            row = next(row for row in self.rows.values() if row.id == one.id)
            row.results |= {result.variant: result for result in one.results}
            row.write(RowState("done"))

    def fail_analysis(self, snapshot_uri: str, failure: WorkerError, final: bool) -> None:
        row = self.rows[snapshot_uri]
        if row.status != "done":
            row.write(RowState("error" if final else row.status, None, failure.code, str(failure)))

    def ping(self) -> None:
        if self.down:
            raise EnvironmentFault("database cannot be reached")


@dataclass
class Bucket:
    """S3 in memory."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        with self.lock:
            self.fetched.append(key)
        if key in self.faults:
            raise self.faults[key]
        if key not in self.objects:
            raise MissingObject(f"{key} not found", key)
        assert len(self.objects[key][0]) <= limit_bytes
        return self.objects[key]

    def probe_read(self, absent_key: str) -> None:
        if fault := self.faults.get(absent_key):
            raise fault


def jpeg(colour: tuple[int, int, int], side: int = 640) -> bytes:
    return encode_jpeg(np.full((side, side, 3), colour, np.uint8), 92)


class Stage:
    """A worker and all its parts."""

    def __init__(self, colours: Classifier, variants: Sequence[Variant] = ("baseline",)) -> None:
        self.models = {variant: Watched(colours) for variant in variants}
        self.records = Records()
        self.bucket = Bucket()
        self.observer = RecordingObserver()
        self.worker = SnapshotWorker(
            self.bucket, self.records, self.models, AttributeReader(5), BUCKET, observer=self.observer
        )

    @property
    def model(self) -> Watched:
        return self.models["baseline"]

    def put(self, sent: messages.SnapshotReady, colour: tuple[int, int, int] = RED) -> messages.SnapshotReady:
        self.bucket.objects[sent.snapshot.key] = (jpeg(colour), "image/jpeg")
        return sent

    def row(self, sent: messages.SnapshotReady) -> Row:
        return self.records.rows[sent.snapshot_s3_key]

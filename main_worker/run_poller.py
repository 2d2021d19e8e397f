"""Entry point of stage 2: `python -m video_analysis.main_worker.run_poller`. Builds the parts and connects them."""

from __future__ import annotations

import logging
import os
import sys
import threading
from functools import partial
from pathlib import Path

import boto3

from video_analysis import worker_config
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.attributes.plate import PlateReader
from video_analysis.main_worker.classification import checkpoint
from video_analysis.main_worker.classification.classifier import Classifier, checkpoints
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer import process
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.backend import Runtime
from video_analysis.worker_utils.models import stored_model
from video_analysis.worker_utils.models.fallback import Fallback
from video_analysis.worker_utils.models.model_store import Unavailable
from video_analysis.worker_utils.observability.telemetry import Telemetry

_CHECKPOINTS = ("main_checkpoint", "baseline_checkpoint", "cmt_checkpoint")

log = logging.getLogger(__name__)


def build(shutdown: threading.Event) -> Consumer:
    """The consumer with all parts of stage 2. ConfigurationError if something is missing or wrong."""
    config = worker_config.load(os.environ)
    address, port = config.metrics_address, config.main_metrics_port
    telemetry = Telemetry.start("main_worker", address, port, config.snapshot_queue)
    session = boto3.Session(region_name=config.region)
    queue = Queue.connect(session, config.snapshot_queue, config)
    handler = SnapshotWorker(
        ObjectStore.connect(session, config),
        ImageAnalysisRepository(Database(config.database_url, "cvitx-main-model", write_probe.stage_two)),
        models(config),
        AttributeReader(config.attribute_timeout_s, PlateReader.load(backend.configured(config))),
        config.s3_bucket,
        observer=telemetry.observer,
    )
    consumer = Consumer(
        queue,
        handler,
        config,
        shutdown,
        observer=telemetry.observer,
        slots=config.batch_size,
        prefetch=handler.prefetch,
    )
    telemetry.watch(consumer.status)
    return consumer


def models(config: WorkerConfig) -> dict[Variant, Classifier]:
    """The loaded checkpoints of the run mode, one per variant.

    ConfigurationError if a checkpoint is missing or wrong and neither the model store nor its cache can replace it.
    CVITX_FALLBACK_CHECKPOINT is checked at every start, also if it is not needed.
    """
    runtime = backend.configured(config)  # sets environment variables, so it must precede the import of PyTorch
    _check_fallback(config)
    return {variant: _model(path, variant, runtime, config) for variant, path in checkpoints(config).items()}


def _check_fallback(config: WorkerConfig) -> None:
    if config.fallback_checkpoint is None:
        return
    if config.model_store is None:
        log.warning(
            "CVITX_FALLBACK_CHECKPOINT has no effect, because CVITX_MODEL_STORE is not set",
            extra={"event": "config.fallback_ignored"},
        )
        return
    path = config.path(config.fallback_checkpoint)
    backend.require_file(path, "set CVITX_FALLBACK_CHECKPOINT to the path of an exported main model, or remove it")
    try:
        checkpoint.read(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"CVITX_FALLBACK_CHECKPOINT: {error}") from error


def _model(path: Path, variant: Variant, runtime: Runtime, config: WorkerConfig) -> Classifier:
    def loader(found: Path, fallback: Fallback | None) -> Classifier:
        return Classifier.load(found, variant, runtime, fallback)

    store = stored_model.store_of(config) if _may_come_from_store(path, config) else None
    return stored_model.load(path, store, loader, partial(_last_resort, config))


def _may_come_from_store(path: Path, config: WorkerConfig) -> bool:
    """The file does not exist, and no setting names it."""
    configured = (field for field in _CHECKPOINTS if field in config.model_fields_set)
    return not path.exists() and path not in [config.path(getattr(config, field)) for field in configured]


def _last_resort(config: WorkerConfig) -> Path:
    if config.fallback_checkpoint is None:
        raise Unavailable("CVITX_FALLBACK_CHECKPOINT is not set")
    return config.path(config.fallback_checkpoint)


if __name__ == "__main__":
    sys.exit(process.run("main_worker", build))

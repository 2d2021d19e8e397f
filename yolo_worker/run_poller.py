"""Entry point of stage 1: `python -m video_analysis.yolo_worker.run_poller`. Wiring, nothing else."""

from __future__ import annotations

import os
import sys
import threading

import boto3

from video_analysis import worker_config
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils import backend, lifecycle
from video_analysis.worker_utils.consumer import Consumer
from video_analysis.worker_utils.database import Database
from video_analysis.worker_utils.queue import Publisher, Queue
from video_analysis.worker_utils.queued_analyses import QueuedAnalyses
from video_analysis.worker_utils.storage import ObjectStore
from video_analysis.worker_utils.video_records import VideoRecords
from video_analysis.yolo_worker.best_shot import SelectionRules
from video_analysis.yolo_worker.detector import Detector, DetectorSettings
from video_analysis.yolo_worker.embedder import Embedder
from video_analysis.yolo_worker.tracker_settings import TrackerSettings
from video_analysis.yolo_worker.vision import VideoVision
from video_analysis.yolo_worker.worker import SnapshotSettings, VideoWorker


def build(shutdown: threading.Event) -> Consumer:
    """Every part of stage 1, put together. ConfigurationError where something is missing or wrong."""
    config = worker_config.load(os.environ)
    session = boto3.Session(region_name=config.region)
    queue = Queue.connect(session, config.video_queue, config)
    database = Database(config.database_url, "cvitx-yolo-video")
    handler = VideoWorker(
        ObjectStore.connect(session, config),
        VideoRecords(database),
        QueuedAnalyses(database),
        Publisher(session, config.snapshot_queue, region=config.region),
        vision(config),
        SnapshotSettings(config.s3_bucket, config.jpeg_quality, selection(config)),
        emitters=config.emitters,
    )
    return Consumer(queue, handler, config, shutdown)


def vision(config: WorkerConfig) -> VideoVision:
    """The loaded networks. ConfigurationError where weights are missing or wrong."""
    return VideoVision(detector(config), embedder(config), tracking(config))


def detector(config: WorkerConfig) -> Detector:
    """What finds vehicles. ConfigurationError where its weights are missing or wrong."""
    runtime = backend.configured(config)
    settings = DetectorSettings(
        size_px=config.detector_size_px,
        batch=config.detector_batch or runtime.batch,
        confidence=config.detector_confidence,
        iou=config.detector_iou,
        inside=config.detector_inside,
        min_box_px=config.min_box_px,
    )
    return Detector.load(config.path(config.yolo_weights), runtime, settings)


def embedder(config: WorkerConfig) -> Embedder:
    """What tells vehicles apart. ConfigurationError where its weights are missing or wrong."""
    return Embedder.load(config.path(config.deepsort_engine), backend.configured(config))


def tracking(config: WorkerConfig) -> TrackerSettings:
    """How detections are linked."""
    return TrackerSettings(
        n_init=config.track_n_init,
        confirm_s=config.track_confirm_s,
        confidence=config.track_confidence,
        max_age_s=config.track_max_age_s,
        gap_s=config.track_gap_s,
        speed=config.track_speed,
        max_cosine=config.track_max_cosine,
        max_iou_distance=config.track_max_iou_distance,
        nn_budget=config.track_nn_budget,
        look_s=config.track_look_s,
    )


def selection(config: WorkerConfig) -> SelectionRules:
    """How the best frame of a track is chosen."""
    return SelectionRules(
        area_step=config.best_area_step,
        confidence_step=config.best_confidence_step,
        sharpness_step=config.best_sharpness_step,
        centre_step=config.best_centre_step,
        edge_px=config.edge_px,
        crop_margin=config.crop_margin,
    )


if __name__ == "__main__":
    sys.exit(lifecycle.run("yolo_worker", build))

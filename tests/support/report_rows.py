"""Stored results written by hand, for the tests of the report: rows as in stored_results.ROWS, pictures as in S3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np

from video_analysis.ops.report.run_facts import Clip, RunFacts
from video_analysis.ops.report.stored_results import StoredResults, StoredSnapshot
from video_analysis.worker_config import WorkerConfig

VIDEO_ID, WORKSPACE_ID = "50651c85-90ab-471b-8707-adc0ef16f91f", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
RECORDED_AT = datetime(2026, 3, 11, 7, 50, 13, tzinfo=UTC)
FACTS = RunFacts(
    clip=Clip(1280, 720, 300, 15.0, is_rendered=True),
    detector="demo.pt",
    processed_frames=100,
    steps=[("clip rendered", 14.25), ("workers", 40.0)],
    stage_seconds={"decode": 0.7, "detect": 11.6},
)


def key_of(track: int, offset_ms: int) -> str:
    folder = f"demo_user/{WORKSPACE_ID}/{VIDEO_ID}/snapshots"
    return f"{folder}/CTX1005_CAM1_{track:06d}_{offset_ms:06d}.jpg"


def row(track: int, offset_ms: int, variant: str | None = "baseline", **columns: Any) -> dict[str, Any]:
    """One vehicle's row of one variant, nothing read and everything done unless `columns` say otherwise."""
    nothing = dict.fromkeys(
        f"{level}_{kind}" for level in ("type", "make", "model", "plate") for kind in ("label", "conf")
    )
    return {
        **nothing,
        "id": f"analysis-{track}",
        "track_id": track,
        "snapshot_s3_key": f"s3://{WorkerConfig().s3_bucket}/{key_of(track, offset_ms)}",
        "detected_in_ms": offset_ms,
        "detected_at": RECORDED_AT + timedelta(milliseconds=offset_ms),
        "yolo_type": "Car",
        "status": "done",
        "attempt_state": None,
        "error_code": None,
        "error_msg": None,
        "variant": variant,
        "colors": None,
        "plate_text": None,
        "evidence": None,
        "checkpoint": None if variant is None else f"demo-{variant}@0123456789ab",
        **columns,
    }


def found(rows: Sequence[dict[str, Any]], **video: Any) -> StoredResults:
    """StoredResults with a picture for every row."""
    about = {
        "id": VIDEO_ID,
        "workspace_id": WORKSPACE_ID,
        "file_name": "street.mp4",
        "camera_label": "Demo camera",
        "camera_code": "CAM1",
        "recorded_at": RECORDED_AT,
        "frame_stride": 3,
        "status": "done",
        "attempt_state": None,
        "error_code": None,
        "error_msg": None,
        **video,
    }
    keys = {key_of(one["track_id"], one["detected_in_ms"]) for one in rows}
    return StoredResults(about, list(rows), {key: StoredSnapshot(key, "image/jpeg", picture()) for key in keys})


def picture() -> bytes:
    """A snapshot's bytes: 640×640, no two areas the same grey."""
    shade = np.linspace(40, 200, 640, dtype=np.uint8)
    return cv2.imencode(".jpg", np.repeat(np.tile(shade, (640, 1))[..., None], 3, axis=2))[1].tobytes()


def street() -> StoredResults:
    """A street with all cases: agreement, disagreement, abstention, colours, a plate, an error, a queued vehicle."""
    sure = {"type_label": "SUV", "type_conf": 0.993, "make_label": "Toyota", "make_conf": 0.97}
    colors = [{"finish": "Metallic", "base": "Silver", "lightness": "Light", "conf": 0.81}]
    leaned = {"make": {"candidate": ["Mitsubishi", 0.44], "abstained": "below_threshold"}}
    return found(
        [
            row(2, 61_005, "baseline", yolo_type="SUV", **sure, model_label="Fortuner", model_conf=0.91, colors=colors),
            row(2, 61_005, "cmt", yolo_type="SUV", **sure, model_label="Rush", model_conf=0.62, plate_text="NBC 1234"),
            row(1, 2_272, "baseline", type_label="Car", type_conf=0.88, evidence=leaned),
            row(1, 2_272, "cmt", type_label="Van", type_conf=0.55),
            row(
                3,
                70_000,
                None,
                status="error",
                error_code="wrong_size",
                error_msg="not 640×640×3",
                yolo_type="CarouselBus",
            ),
            row(4, 71_000, None, status="queued", yolo_type="E-Jeepney"),
        ]
    )

"""A valid PROCESS_VIDEO message, for tests that need any."""

from __future__ import annotations

import json
from typing import Any

from video_analysis.worker_utils.contracts.messages import ProcessVideo

WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
OTHER = "11111111-2222-3333-4444-555555555555"
"""The id of another workspace or video."""
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
KEY = f"demo_user/{WORKSPACE}/{VIDEO}/raw/clip.mp4"
TASK = ProcessVideo(
    video_id=VIDEO,
    workspace_id=WORKSPACE,
    workspace_code="CTX1005",
    camera_code="CAM1",
    s3_key_raw=KEY,
    frame_stride=3,
    recordedAt=None,
)
BODY: dict[str, Any] = json.loads(TASK.to_json())
"""Its fields as they are sent."""

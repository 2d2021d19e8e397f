"""A valid PROCESS_VIDEO message, for tests that need any."""

from __future__ import annotations

from video_analysis.worker_utils.contracts.messages import ProcessVideo

WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
TASK = ProcessVideo(
    video_id=VIDEO,
    workspace_id=WORKSPACE,
    workspace_code="CTX1005",
    camera_code="CAM1",
    s3_key_raw=f"demo_user/{WORKSPACE}/{VIDEO}/raw/clip.mp4",
    frame_stride=3,
    recordedAt=None,
)

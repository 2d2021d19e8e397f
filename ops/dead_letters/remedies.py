"""What to do about each error code, as docs/error-codes.md, and whether its message would fail again."""

from __future__ import annotations

from collections.abc import Mapping

from video_analysis.worker_utils.errors import ErrorCode

REFUSED: frozenset[ErrorCode] = frozenset(
    {
        "bad_message",
        "body_too_long",
        "not_json",
        "unknown_event",
        "wrong_queue",
        "wrong_bucket",
        "body_refused",
        "object_too_large",
        "key_too_long",
        "object_archived",
        "unsupported_encryption",
        "truncated",
        "undecodable",
        "bad_video",
        "empty_file",
        "not_a_video",
        "no_video_stream",
        "unsupported_codec",
        "unsupported_format",
        "damaged",
        "too_many_frames",
        "too_long",
        "picture_too_large",
        "bad_snapshot",
        "wrong_content_type",
        "not_a_jpeg",
        "unsupported_jpeg",
        "wrong_size",
        "snapshot_expired",
        "inference_failed",
        "wrong_workspace",
        "incomplete_row",
        "data_refused",
        "permanent",
        "crashed",
        "override_refused",
    }
)
"""Codes of failures that are permanent: the same message fails again, unless its object or its row was corrected."""
REMEDIES: Mapping[str, str] = {
    "bad_message": "Correct the sender.",
    "body_too_long": "Correct the sender.",
    "not_json": "Correct the sender.",
    "unknown_event": "Correct the sender.",
    "wrong_queue": "Compare the queue names of the sender and the worker.",
    "wrong_bucket": "Compare `CVITX_S3_BUCKET` of both workers.",
    "body_refused": "Report it: the workers should not produce such a body.",
    "missing_object": "Compare the key with the bucket; check the role's `s3:GetObject`.",
    "object_too_large": "Only snapshots of yolo_worker are accepted.",
    "key_too_long": "Correct the sender.",
    "object_archived": (
        "Restore the object (`aws s3api restore-object`), wait until that is done, then send the message again."
    ),
    "unsupported_encryption": "Upload it again without a customer key: SSE-S3 and SSE-KMS are read.",
    "truncated": "Upload it again, as a new video.",
    "undecodable": (
        "Check that it plays; convert it to H.264 and upload it again. Without a key frame: export it again, "
        "from an earlier time and without encryption."
    ),
    "bad_video": "Upload it again.",
    "empty_file": "Upload it again.",
    "not_a_video": "Upload a video.",
    "no_video_stream": "Upload a video.",
    "unsupported_codec": "Convert it to H.264 and upload it again.",
    "unsupported_format": "Convert it to MP4 with H.264 and upload it again.",
    "damaged": (
        "`done`: nothing. `error`: upload it again, as a new video; if it stays, repair the file at its source."
    ),
    "too_many_frames": "Split the video; a damaged index is another cause.",
    "too_long": "Correct the timestamps (`ffmpeg` re-encode) and upload it again.",
    "picture_too_large": "Scale the video down.",
    "bad_snapshot": "Only snapshots of yolo_worker are accepted.",
    "wrong_content_type": "Only snapshots of yolo_worker are accepted.",
    "not_a_jpeg": "Only snapshots of yolo_worker are accepted.",
    "unsupported_jpeg": "Only snapshots of yolo_worker are accepted.",
    "wrong_size": "Only snapshots of yolo_worker are accepted.",
    "snapshot_expired": "Nothing; the row stays `done`.",
    "inference_failed": "Check the log for the model's error.",
    "no_video_row": "Nothing, if the API commits soon. Otherwise check the id.",
    "wrong_workspace": "Correct the sender.",
    "incomplete_row": "Fill it, then send the message again.",
    "row_vanished": "Nothing.",
    "data_refused": "Check the constraint that the text names.",
    "permanent": "As the text says.",
    "crashed": "Check the log around each receive (out of memory?), then send the message again.",
    "transient": "Nothing, unless it persists.",
    "unexpected": "Report it with the traceback in the log.",
    "aws_unavailable": "Nothing, unless it persists.",
    "database_busy": "Nothing, unless it persists: look for long transactions.",
    "interrupted": "Nothing.",
    "lease_lost": "Nothing, unless it is frequent: check the network and `CVITX_VISIBILITY_TIMEOUT_S`.",
    "paused": "Resume it: `ops runs resume`.",
    "cancelled": "Nothing, or send the video again.",
    "no_run_row": "Nothing, if the sender commits soon. Otherwise check the id and the grants on `video_runs`.",
    "override_refused": "Start another replay.",
    "superseded": "Nothing.",
    "environment_fault": "As the text says.",
    "database_unreachable": "Check the server, the network and `CVITX_DATABASE_URL`.",
    "database_failed": "As the text says.",
    "schema_mismatch": "As the text says.",
    "schema_outdated": "Run `schemas/database.sql`.",
    "credentials_refused": "Check the instance's role or the `AWS_` variables.",
    "permission_denied": "Grant it.",
    "kms_key_unusable": (
        "Enable the key, or configure another one for the bucket or queue. An object: upload it again under "
        "another key."
    ),
    "send_denied": "As the text says; nothing has to be sent again.",
    "no_bucket": "Check `CVITX_S3_BUCKET` and the region.",
    "no_queue": "Check the queue's name, the account and the region.",
    "aws_refused": "As the text says.",
    "disk_full": "Free some, or set `CVITX_TEMP_DIR` to a larger disk.",
    "temp_dir_unusable": "Check `CVITX_TEMP_DIR`.",
    "out_of_memory": "Give the host more memory, or run fewer workers on it.",
    "gpu_failed": "`nvidia-smi`; restart the service.",
    "inference_unavailable": "`nvidia-smi`; check the log; restart the service.",
}


def would_fail_again(code: str | None) -> bool:
    """Whether a message with this code is refused by `dlq redrive`. Codes of a newer release are not known here."""
    return code in REFUSED


def remedy(code: str | None) -> str:
    """What to do."""
    return REMEDIES.get(code or "", "docs/error-codes.md")

"""What to do about each error code, as docs/error-codes.md, and whether its message would fail again."""

from __future__ import annotations

from collections.abc import Mapping

from video_analysis.worker_utils.errors import ErrorCode

ALREADY_DONE = {
    "video": "the video is done, and no run of it has failed since",
    "snapshot": "the snapshot is classified, and its object exists",
}
"""What a message without a failure is: another message, or a later receive, has completed the work."""
NO_CODE = "Search the log of the worker for the ids of the message; remove the cause, then run `ops dlq redrive`."
UNKNOWN_CODE = "Read docs/error-codes.md of the release of the workers: this one does not have the code."
DONE = (
    "Nothing is missing. After `ops dlq redrive` a worker repeats the work and deletes the message; no row changes "
    "unless weights or settings differ. `ops dlq purge` deletes it with all other messages of the queue."
)
DONE_WITHOUT_OBJECT = (
    "Nothing is missing: the results stay, and the message is no longer needed. `ops dlq purge` deletes it with all "
    "other messages of the queue."
)

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
    "bad_message": "Correct the sender, and send a correct message.",
    "body_too_long": "Correct the sender, and send a correct message.",
    "not_json": "Correct the sender, and send a correct message.",
    "unknown_event": "Correct the sender, and send a correct message.",
    "wrong_queue": "Compare the queue names of the sender and the worker.",
    "wrong_bucket": (
        "Set `CVITX_S3_BUCKET` of both workers to the same bucket; correct a sender that names another one."
    ),
    "body_refused": "Report the fault: the workers should not produce such a body.",
    "missing_object": "Compare the key with the bucket; check the role's `s3:GetObject`.",
    "object_too_large": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "key_too_long": "Correct the sender: it must use a shorter key.",
    "object_archived": (
        "Restore the object (`aws s3api restore-object`), wait until that is done, then run `ops dlq redrive "
        "--code object_archived --force`."
    ),
    "unsupported_encryption": "Upload the file again without a customer key: SSE-S3 and SSE-KMS are read.",
    "truncated": "Upload the file again, as a new video.",
    "undecodable": (
        "Check that the file plays; convert it to H.264 and upload it again. Without a key frame: export it "
        "again, from an earlier time and without encryption."
    ),
    "bad_video": "Upload the file again, as a new video.",
    "empty_file": "Upload the file again, as a new video.",
    "not_a_video": "Upload a video file, as a new video.",
    "no_video_stream": "Upload a file with a video stream, as a new video.",
    "unsupported_codec": "Convert the file to H.264 and upload it again.",
    "unsupported_format": "Convert the file to MP4 with H.264 and upload it again.",
    "damaged": (
        "A video that is `done`: nothing. One with `error`: upload the file again, as a new video; if the "
        "damage stays, repair the file at its source."
    ),
    "too_many_frames": "Split the video, or repair its index if that is damaged.",
    "too_long": "Correct the timestamps (encode the video again with `ffmpeg`) and upload it again.",
    "picture_too_large": "Scale the video down and upload it again.",
    "bad_snapshot": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "wrong_content_type": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "not_a_jpeg": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "unsupported_jpeg": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "wrong_size": "Correct the sender: only snapshots that yolo_worker stored are accepted.",
    "snapshot_expired": "Nothing: the results stay, and the message is no longer needed.",
    "inference_failed": (
        "Check the log of main_worker for the model's error; if the model was corrected, run `ops dlq redrive"
        " --code inference_failed --force`."
    ),
    "no_video_row": "Nothing, if the API commits the row soon. Otherwise check the id of the video.",
    "wrong_workspace": "Correct the sender: the ids of workspace and video do not belong together.",
    "incomplete_row": (
        "Fill the column in `videos` that the text names, then run `ops dlq redrive --code incomplete_row --force`."
    ),
    "row_vanished": "Nothing: the next attempt finds the row as it is then.",
    "data_refused": (
        "Correct what violates the constraint that the text names, then run `ops dlq redrive --code "
        "data_refused --force`."
    ),
    "permanent": "Correct what the text names, then run `ops dlq redrive --code permanent --force`.",
    "crashed": "Check the log around each receive (out of memory?), then run `ops dlq redrive --code crashed --force`.",
    "transient": "Nothing, unless it persists.",
    "unexpected": "Report the fault, with the traceback from the log.",
    "aws_unavailable": "Nothing, unless it persists.",
    "database_busy": "Nothing, unless it persists: look for long transactions.",
    "interrupted": "Nothing: another worker receives the message.",
    "lease_lost": "Nothing, unless it is frequent: check the network and `CVITX_VISIBILITY_TIMEOUT_S`.",
    "paused": "Resume the run: `ops runs resume`.",
    "cancelled": (
        "Nothing. To process the video after all, send it again, or run `ops dlq redrive --code cancelled "
        "--force` if its message is a dead letter."
    ),
    "no_run_row": (
        "Nothing, if the sender commits the row soon. Otherwise check the id of the run and the grants on `video_runs`."
    ),
    "override_refused": "Start another replay, with settings that can be overridden.",
    "superseded": "Nothing: another run of the video takes the place of this one.",
    "environment_fault": "Correct what the text names; the worker then continues.",
    "database_unreachable": "Check the server, the network and `CVITX_DATABASE_URL`.",
    "database_failed": "Correct what the text names in PostgreSQL; the worker then continues.",
    "schema_mismatch": "Make the table that the text names equal to `schemas/database.sql`.",
    "schema_outdated": "Run `schemas/database.sql` on the database.",
    "credentials_refused": "Check the instance's role or the `AWS_` variables.",
    "permission_denied": "Grant the permission that the text names to the role of the worker.",
    "kms_key_unusable": (
        "Enable the key, or configure another one for the bucket or queue. If it is the key of one object: "
        "upload that object again under another key."
    ),
    "send_denied": "Correct what the text names; the worker then sends the message itself.",
    "no_bucket": "Check `CVITX_S3_BUCKET` and the region.",
    "no_queue": "Check the queue's name, the account and the region.",
    "aws_refused": "Correct what the text names; the worker then continues.",
    "disk_full": "Free space in the temporary folder, or set `CVITX_TEMP_DIR` to a larger disk.",
    "temp_dir_unusable": (
        "Create the folder that `CVITX_TEMP_DIR` names, or give the worker's user the right to write to it."
    ),
    "out_of_memory": "Give the host more memory, or run fewer workers on it.",
    "gpu_failed": "Check the GPU with `nvidia-smi`; restart the service.",
    "inference_unavailable": "Check the GPU with `nvidia-smi` and the worker's log; restart the service.",
}


def would_fail_again(code: str | None) -> bool:
    """Whether a message with this code is refused by `dlq redrive`. Codes of a newer release are not known here."""
    return code in REFUSED


def remedy(code: str | None) -> str:
    """What to do."""
    return NO_CODE if code is None else REMEDIES.get(code, UNKNOWN_CODE)

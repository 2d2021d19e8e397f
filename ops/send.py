"""Send a video to yolo_worker, with an upload of its file if needed: python -m video_analysis.ops send --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, live_output, upload, watch
from video_analysis.ops.live_output import Shown
from video_analysis.ops.sent_message import SentMessage, depths_of
from video_analysis.ops.video_progress import VideoProgressReader
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, VideoTask
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Sends PROCESS_VIDEO for a file that --upload uploads first, or for an object that --key names. Without either it sends
PROCESS_VIDEO_DB: the worker then reads key, codes, stride and time from the row in `videos`. The message is checked as
the worker checks it, before anything is uploaded or sent.

The command can be repeated: with the same --video-id the same object is stored and the same rows are written again.
Choose the id once, for example with `python3 -c "import uuid; print(uuid.uuid4())"`. Needs sqs:SendMessage on the video
queue, s3:PutObject on demo_user/*/*/raw/* for --upload, and the database for --watch, by your own credentials. With
sqs:GetQueueAttributes --watch also ends when a worker has repeated a completed video, which changes no row."""
IDS = "--video-id 50651c85-90ab-471b-8707-adc0ef16f91f --workspace-id aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
EXAMPLES = (
    IDS,
    f"{IDS} --workspace-code CTX1005 --camera-code CAM1 --upload clip.mp4 --watch",
)
STRIDE = 3
"""The contract's stride where none is given."""
UPLOAD_STEPS = 100
_CODES = ("workspace_code", "camera_code")


def main(given: Sequence[str] | None = None) -> int:
    """0 when the message is sent, with --watch when all is done; 1 if it failed then; 2 on an error."""
    options = _options(given)
    return exit_status.run("send", lambda: _send(options), "run it again with the same --video-id")


def _send(options: argparse.Namespace) -> int | None:
    task = _task(options)
    config = worker_config.load(os.environ)
    size = upload.size_of(options.upload) if options.upload else 0
    body = task.to_json()
    if options.dry_run:
        sys.stdout.write(f"{body}\n")
        return None
    sent = _observed(config, options.video_id) if options.watch else None
    if isinstance(task, ProcessVideo) and options.upload:
        _upload(config, options.upload, task.s3_key_raw, size, as_json=options.json)
    publisher = aws_clients.publisher(config, config.video_queue)
    publisher.send(body)
    _print_sent(task, config.video_queue, as_json=options.json)
    if not options.watch:
        return None
    return watch.until_end(config, options.video_id, as_json=options.json, timeout_s=options.timeout, sent=sent)


def _task(options: argparse.Namespace) -> VideoTask:
    """The message, parsed as the worker parses it. BadMessage names the field and the reason."""
    ids = {"video_id": options.video_id, "workspace_id": options.workspace_id}
    if options.upload is None and options.key is None:
        return messages.parse_video_task(ProcessVideoDb(**ids).to_json())
    key = options.key or upload.raw_key(options.workspace_id, options.video_id, options.upload)
    fields = {
        **ids,
        "event": "PROCESS_VIDEO",
        "workspace_code": options.workspace_code,
        "camera_code": options.camera_code,
        "s3_key_raw": key,
        "frame_stride": STRIDE if options.stride is None else options.stride,
        "recordedAt": options.recorded_at,
    }
    return messages.parse_video_task(json.dumps(fields))


def _observed(config: WorkerConfig, video_id: str) -> SentMessage:
    """The message that is about to be sent, with the state of the video before."""
    before = VideoProgressReader(Database(config.database_url, "cvitx-send")).read(video_id)
    return SentMessage(before, depths_of(config))


def _upload(config: WorkerConfig, clip: Path, key: str, size: int, *, as_json: bool) -> None:
    with live_output.opened(as_json=as_json) as output:

        def show(sent: int) -> None:
            text = f"{clip.name}: {sent / 1e6:.1f} of {size / 1e6:.1f} MB uploaded"
            document = {"event": "upload", "key": key, "bytes_done": sent, "bytes_total": size}
            step = "end" if sent >= size else "start"
            with exit_status.output_may_end():
                output.show(Shown(text, document, {"upload": min(1.0, sent / size)}, step))

        upload.put(config, clip, key, show)


def _print_sent(task: VideoTask, queue: str, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"event": "sent", "queue": queue, "message": json.loads(task.to_json())})
    else:
        line = f"sent {task.event} for {task.video_id} to {queue}"
    with exit_status.output_may_end():
        print(line)


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("send", ABOUT, *EXAMPLES)
    parser.add_argument("--video-id", type=arguments.uuid, required=True, metavar="UUID", help="the video's id")
    parser.add_argument("--workspace-id", type=arguments.uuid, required=True, metavar="UUID", help="its workspace")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--upload", type=Path, metavar="FILE.mp4", help="upload this file first")
    source.add_argument("--key", metavar="KEY", help="the key of an object that is in the bucket already")
    parser.add_argument("--workspace-code", metavar="CTX####", help="with --upload or --key")
    parser.add_argument("--camera-code", metavar="CAM#", help="with --upload or --key")
    parser.add_argument(
        "--stride", type=arguments.count, metavar="N", help=f"process every Nth frame (default: {STRIDE})"
    )
    parser.add_argument("--recorded-at", metavar="INSTANT", help="start of the recording, RFC 3339 with an offset")
    parser.add_argument("--watch", action="store_true", help="then show the progress until all is done")
    parser.add_argument("--timeout", type=arguments.seconds, metavar="SECONDS", help="end --watch then, with status 1")
    parser.add_argument("--dry-run", action="store_true", help="check and print the message, send nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args(given)
    _check_combination(parser, options)
    return options


def _check_combination(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    has_file = options.upload is not None or options.key is not None
    missing = [name for name in _CODES if getattr(options, name) is None]
    if has_file and missing:
        parser.error(f"--upload and --key need {' and '.join(_flag(name) for name in missing)}")
    of_file = [name for name in (*_CODES, "stride", "recorded_at") if getattr(options, name) is not None]
    if not has_file and of_file:
        named = ", ".join(_flag(name) for name in of_file)
        parser.error(f"without --upload or --key these come from the row in videos: {named}")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    sys.exit(main())

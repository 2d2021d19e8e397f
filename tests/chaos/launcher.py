"""Start a worker as systemd would, with the faults of hooks.py that the CHAOS_ variables name."""

from __future__ import annotations

import os
import sys

from video_analysis.tests.chaos import hooks
from video_analysis.worker_utils.consumer import process


def main(worker: str) -> int:
    """Install the hooks and run the worker's own entry point."""
    hooks.install(os.environ)
    if worker == "yolo_worker":
        from video_analysis.yolo_worker.run_poller import build  # noqa: PLC0415
    else:
        from video_analysis.main_worker.run_poller import build  # noqa: PLC0415
    return process.run(worker, build)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""A worker as systemd would start it, with the hook of steps.py where FIRE_KILL names a boundary."""

from __future__ import annotations

import os
import sys

from video_analysis.tests.fire import steps
from video_analysis.worker_utils import lifecycle


def main(worker: str) -> int:
    """Arm the boundary, if any, and run the worker's own entry point."""
    boundary = os.environ.get("FIRE_KILL")
    if boundary:
        steps.arm(steps.Boundary.parse(boundary))
    if worker == "yolo_worker":
        from video_analysis.yolo_worker.run_poller import build  # noqa: PLC0415
    else:
        from video_analysis.main_worker.run_poller import build  # noqa: PLC0415
    return lifecycle.run(worker, build)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""A worker as systemd would start it, with the hook of steps.py where FIRE_AT names a boundary.

FIRE_SIGNAL is the number of the signal that the process sends itself there, after a line of log that says so.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from video_analysis.tests.fire import steps
from video_analysis.worker_utils import lifecycle


def main(worker: str) -> int:
    """Arm the boundary, if any, and run the worker's own entry point."""
    boundary = os.environ.get("FIRE_AT")
    if boundary:
        strike = partial(_strike, signal.Signals(int(os.environ["FIRE_SIGNAL"])))
        steps.arm(steps.Boundary.parse(boundary), strike)
    if worker == "yolo_worker":
        from video_analysis.yolo_worker.run_poller import build  # noqa: PLC0415
    else:
        from video_analysis.main_worker.run_poller import build  # noqa: PLC0415
    return lifecycle.run(worker, build)


def _strike(number: signal.Signals) -> None:
    os.write(2, b'{"event": "struck", "signal": "%s"}\n' % number.name.encode())
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

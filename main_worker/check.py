"""Alias of `python -m video_analysis.ops check`."""

import sys

from video_analysis.ops.check import main

if __name__ == "__main__":
    sys.exit(main())

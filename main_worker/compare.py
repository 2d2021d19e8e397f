"""Alias of `python -m video_analysis.ops compare`."""

import sys

from video_analysis.ops.compare.command import main

if __name__ == "__main__":
    sys.exit(main())

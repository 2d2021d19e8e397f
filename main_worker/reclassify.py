"""Alias of `python -m video_analysis.ops reclassify`."""

import sys

from video_analysis.ops.reclassify import main

if __name__ == "__main__":
    sys.exit(main())

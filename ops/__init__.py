"""The operators' command line: python -m video_analysis.ops --help."""

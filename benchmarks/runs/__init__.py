"""What checkpoints cost, and what a continued video and a replay save: `python -m video_analysis.benchmarks.runs`."""

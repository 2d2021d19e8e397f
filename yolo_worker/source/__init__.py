"""Sources: frames with timestamps, from video files."""

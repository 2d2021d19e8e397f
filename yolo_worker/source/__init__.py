"""Video files as frames with timestamps."""

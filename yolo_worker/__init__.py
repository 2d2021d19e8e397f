"""Stage 1: a video becomes one best snapshot per vehicle."""

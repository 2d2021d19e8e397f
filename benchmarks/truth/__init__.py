"""Snapshots compared with the true vehicles of real clips and synthetic scenes."""

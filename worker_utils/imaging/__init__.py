"""Snapshots: crop, letterbox, encode and check. Pure."""

"""Frames to vehicle boxes."""

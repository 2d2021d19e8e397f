"""Tracking: links detections over time to tracks, by position and appearance."""

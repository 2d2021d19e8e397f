"""Boxes to tracks: association over time and by appearance."""

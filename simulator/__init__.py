"""Synthetic traffic scenes with ground truth."""

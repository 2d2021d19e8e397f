"""Runs: which run a message belongs to, its progress, and its end."""

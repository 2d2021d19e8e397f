"""Sinks derive results from tracked frames; best-shot selection is one."""

"""Threads, timing, memory and temporary files of a running worker."""

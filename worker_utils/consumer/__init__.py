"""Receives messages under lease, lets a handler work, and deletes or releases each by its outcome."""

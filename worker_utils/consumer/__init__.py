"""Receives messages under lease, passes them to a handler, and deletes or releases each by its outcome."""

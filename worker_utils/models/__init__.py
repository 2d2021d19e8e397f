"""Fetches model files from the model store."""

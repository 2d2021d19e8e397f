"""Snapshots to type, make and model: checkpoints, networks, hierarchy."""

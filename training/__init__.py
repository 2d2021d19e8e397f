"""The training of the demo's default weights."""

"""Detection: vehicle boxes in each frame."""

"""What a run changed: the vehicles of two runs of one video, matched."""

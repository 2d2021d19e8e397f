"""What is derived from tracks: the best snapshot of each."""

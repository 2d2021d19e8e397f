"""Color and plate of a snapshot."""

"""Re-identification: how well embeddings tell the vehicles of a clip apart, on real footage with true identities."""

"""Fine-tuning of a main model on a user's own labelled snapshots: see fine_tuning.py."""

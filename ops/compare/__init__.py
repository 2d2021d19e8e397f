"""The report on the agreement of two main models: `ops compare`."""

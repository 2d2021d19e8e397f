"""The report on where the two main models agree: `ops compare`."""

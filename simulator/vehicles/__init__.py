"""Vehicle bodies, paint and fleet."""

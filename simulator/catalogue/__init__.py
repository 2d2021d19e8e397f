"""The vehicle models of each type."""

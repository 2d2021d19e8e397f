"""Checks of everything that the workers need: settings, AWS, database, models, host."""

"""Street, houses and backdrop."""

"""Creates what the workers need in AWS and PostgreSQL, and compares it with what exists."""

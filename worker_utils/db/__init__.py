"""PostgreSQL: the connection, and one repository per table."""

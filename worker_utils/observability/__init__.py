"""Log lines, and what systemd is notified of."""

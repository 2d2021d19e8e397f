"""Events, log lines and systemd notifications."""

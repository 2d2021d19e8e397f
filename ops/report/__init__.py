"""The report of one video as a single HTML file with embedded snapshots, styles and figures."""

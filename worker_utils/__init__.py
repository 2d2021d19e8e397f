"""What both workers share, one subject a file. Imports neither worker."""

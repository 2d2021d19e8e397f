"""Code that both workers share, one package per subject. Imports neither worker."""

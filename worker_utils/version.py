"""The version of this code, as stored with each run."""

from __future__ import annotations

VERSION = "0.1.0"
"""As in pyproject.toml."""

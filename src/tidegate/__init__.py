"""Tidegate runs an organisation's releases by its policy."""

__version__ = "0.1.0"

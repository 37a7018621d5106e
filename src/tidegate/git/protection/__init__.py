"""Locking branches where they are pushed to: one port, and an implementation per kind of place."""

"""Forges: what a code host knows of pull requests, asked for by number or by commit."""

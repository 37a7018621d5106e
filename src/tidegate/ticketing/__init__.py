"""Tickets: what another system knows of a change, asked for by the name that it has there."""

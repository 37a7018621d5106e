"""How long tests wait for what must come to be."""

PATIENCE_S = 120.0
"""Seconds; many times what any of it takes on a quiet machine. A shorter one would judge how busy the machine is: it is
there only so that a broken test ends."""

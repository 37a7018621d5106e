"""Who is taken as asking where a question is asked for information and nobody signs."""

from __future__ import annotations

from tidegate.core.rules.actor_permitted import whoever_may

__all__ = ["whoever_may"]

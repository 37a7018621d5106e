"""The Compose driver: a version's images by digest, run as one Compose project per environment, here or over SSH."""

from tidegate.drivers.compose.driver import ComposeDriver
from tidegate.drivers.compose.settings import ComposeSettings

__all__ = ["ComposeDriver", "ComposeSettings"]

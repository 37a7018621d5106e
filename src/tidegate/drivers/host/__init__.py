"""The host driver: a built package, put on hosts that are local directories or are reached over SSH."""

from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings

__all__ = ["HostDriver", "HostSettings"]

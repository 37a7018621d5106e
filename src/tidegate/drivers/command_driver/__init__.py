"""The command driver: an organisation's own scripts, with a way to observe what they did."""

from tidegate.drivers.command_driver.driver import CommandDriver
from tidegate.drivers.command_driver.settings import CommandSettings

__all__ = ["CommandDriver", "CommandSettings"]

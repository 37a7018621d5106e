"""Reads Git repositories, by the ``git`` command: history, trees and packages. Writes nothing into them."""

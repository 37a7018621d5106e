"""The customers module: names, and the search for them."""

NAMES = {1: "Ada", 2: "Blaise", 3: "Charles"}


def search(text: str) -> list[int]:
    """The numbers of the customers whose name holds a text."""
    return [number for number, name in NAMES.items() if text.lower() in name.lower()]

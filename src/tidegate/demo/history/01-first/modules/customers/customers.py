"""The customers module: names."""

NAMES = {1: "Ada", 2: "Blaise", 3: "Charles"}

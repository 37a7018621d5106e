"""Where the watch reads its counts: cumulative counters of requests and errors, unit by unit."""

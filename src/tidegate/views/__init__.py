"""Read models: one per answer, frozen, made from rows; the terminal, JSON and pages render them."""

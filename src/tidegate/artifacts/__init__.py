"""What is built from a component: one module for each kind, and the store that keeps what was built."""

"""What touches Tidegate's own database; nothing is imported here, so that a command without a store pays for none."""

"""Version files: where a file says its version, and how that is changed without changing anything else."""

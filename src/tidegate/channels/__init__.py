"""How messages reach people. One channel, one file, one line in the registry."""

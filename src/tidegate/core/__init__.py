"""The rules of releasing: values and pure functions. No I/O, no clock, no database."""

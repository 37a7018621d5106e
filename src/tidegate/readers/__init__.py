"""Readers: from a report's bytes to the typed values of one kind of evidence."""

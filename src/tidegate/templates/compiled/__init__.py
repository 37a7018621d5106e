"""The shipped templates as Jinja compiles them; made by scripts/compile_templates.py."""

FORMAT = 5
"""Of Jinja's compiled templates; another format is not loaded."""

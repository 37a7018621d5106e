"""Formats as templates: text that was written by strangers is data in them, and is never evaluated.

Jinja is imported when a template is rendered, and by nothing else. Docs: docs/adr/0030-notes-are-data-first.md.
"""

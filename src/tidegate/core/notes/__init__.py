"""Release notes and changelogs: data first, then words.

``data`` makes the sections of the notes from changes and hand-written fragments; everything else shows them, keeps what
people wrote in what was shown, or says what is missing. Nothing here knows a template language: formats are rendered
by ``tidegate.templates``. Docs: docs/adr/0030-notes-are-data-first.md.
"""

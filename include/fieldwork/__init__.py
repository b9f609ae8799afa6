"""Fieldwork (外勤): attendance joined with the CRM, checked, kept, and written back.

Rooms and what each may import: ``docs/architecture.md``. Run anything alone with ``fieldwork --help``.
"""

__version__ = "0.1.0"

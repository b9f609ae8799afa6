"""The statements of this room: one ``.sql`` file each, read as they stand."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """The text of ``writeback/<name>.sql``; its parameters are SQLAlchemy's ``:name``."""
    return files("fieldwork.writeback").joinpath(f"{name}.sql").read_text(encoding="utf-8")

"""Every table and column of the warehouse with its comment, one module per PostgreSQL schema (``ops`` has two)."""

from . import core, mart, ops, reconcile, ref
from .base import SCHEMAS, metadata

__all__ = ["SCHEMAS", "core", "mart", "metadata", "ops", "reconcile", "ref"]

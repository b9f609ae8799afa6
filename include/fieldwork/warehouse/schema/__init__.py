"""Every table and column of the warehouse with its comment, one module per PostgreSQL schema (``ops`` has four)."""

from . import classes, core, mart, ops, reconcile, ref, webhooks, write
from .base import SCHEMAS, metadata

__all__ = ["SCHEMAS", "classes", "core", "mart", "metadata", "ops", "reconcile", "ref", "webhooks", "write"]

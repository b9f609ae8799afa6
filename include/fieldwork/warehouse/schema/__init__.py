"""Every table and column of the warehouse with its comment, one module per PostgreSQL schema."""

from . import classes, core, mart, ops, ref, webhooks, write
from .base import SCHEMAS, metadata

__all__ = ["SCHEMAS", "classes", "core", "mart", "metadata", "ops", "ref", "webhooks", "write"]

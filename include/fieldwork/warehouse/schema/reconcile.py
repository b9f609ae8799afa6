"""``ops``, the part that compares: source totals beside ours, and what was found to differ."""

from __future__ import annotations

from sqlalchemy import BigInteger, Date, Index, Integer, Numeric, Text, text

from .base import INSTANT, key, may, must, table

total = table(
    "ops.reconcile_total",
    "What a source holds beside what the warehouse holds, by stream and day, each time they were compared",
    key("total_id", BigInteger, "The comparison", autoincrement=True),
    must("run_id", Text, "The run that compared (ops.run)"),
    must("system", Text, "The outside system"),
    must("stream", Text, "The stream"),
    may("day", Date, "The day; null = records without one, or a stream that has no days"),
    must("counted", Text, "by the source (it counted itself; days in UTC), or by key (every key was read)"),
    must("source_rows", BigInteger, "Records that the source has"),
    must("warehouse_rows", BigInteger, "Records that core has"),
    must("set_aside", BigInteger, "of the source's, those that wait in quarantine", server_default=text("0")),
    must("later", BigInteger, "of the source's, those that came or changed after we read", server_default=text("0")),
    may("source_sum", Numeric, "Sum of the stream's measure there: minutes of leave and visits, amounts"),
    may("warehouse_sum", Numeric, "The same sum here"),
    Index(None, "run_id", "stream", "day"),
)

finding = table(
    "ops.reconcile_finding",
    "Records in which a source and the warehouse differ, by name",
    key("finding_id", BigInteger, "The finding", autoincrement=True),
    must("run_id", Text, "The run that found it first (ops.run)"),
    must("system", Text, "The outside system"),
    must("stream", Text, "The stream"),
    must(
        "kind",
        Text,
        "missing (the source has it), gone (the source has it no more), deleted (it is deleted there), stale (another "
        "version is there), unanswered (a person who was asked for and whom the system does not know)",
    ),
    must("key", Text, "The record's key; of unanswered the person's id in the system"),
    may("day", Date, "Its day"),
    may("modified_at", INSTANT, "The source's modified stamp, where it has one"),
    must("status", Text, "open; settled (a later comparison no longer found it); repaired (the same, after a repair)"),
    must("seen", Integer, "How many comparisons found it", server_default=text("1")),
    must("found_at", INSTANT, "When it was found first"),
    must("seen_at", INSTANT, "When it was found last"),
    may("settled_at", INSTANT, "When it left open"),
    may("settled_by", Text, "The run that no longer found it"),
    Index(
        "uq_reconcile_finding_open", "system", "stream", "kind", "key", unique=True,
        postgresql_where=text("status = 'open'"),
    ),
    Index(None, "status", "stream", "day"),
)  # fmt: skip

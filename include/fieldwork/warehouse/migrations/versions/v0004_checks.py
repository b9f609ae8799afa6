"""What the checks compare with: rows a day, fields on the wire; keys and acceptance beside each result"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = "e3dc9e1f5e5cfbe4c9b6953f73b2e7f2649be3600d18aa66b2ae5eb593c4a385"


def upgrade() -> None:
    op.create_table(
        "batch_day",
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch (ops.batch)"),
        sa.Column(
            "day",
            sa.Date(),
            nullable=False,
            comment="The local day; of a modified stream the day that most of the batch's span lies on",
        ),
        sa.Column(
            "whole",
            sa.Boolean(),
            nullable=False,
            comment="The batch covers the whole day, so the rows may be compared with those of other days",
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="Rows of the day"),
        sa.Column(
            "expected",
            sa.Boolean(),
            nullable=False,
            comment="So many people are employed on this working day that no row at all is suspicious",
        ),
        sa.Column(
            "usual",
            sa.Double(),
            nullable=True,
            comment="Median of the rows of the same weekday in the weeks before; null = too little is known",
        ),
        sa.Column("share", sa.Double(), nullable=True, comment="rows / usual"),
        sa.Column(
            "stale_days",
            sa.Double(),
            nullable=True,
            comment="Days from the newest modified stamp to the run's now; modified streams only",
        ),
        sa.PrimaryKeyConstraint("batch_id", "day", name=op.f("pk_batch_day")),
        schema="ops",
        comment="How many rows a batch holds of each local day, beside what such a day usually has; judged by the suite days",
    )
    op.create_index(op.f("ix_batch_day_day"), "batch_day", ["day"], unique=False, schema="ops")
    op.create_table(
        "batch_field",
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch (ops.batch)"),
        sa.Column(
            "field", sa.Text(), nullable=False, comment="The field as the source names it, after the call that gives it"
        ),
        sa.Column("mapped", sa.Boolean(), nullable=False, comment="We read it"),
        sa.Column(
            "kinds",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Kinds of value that were seen: text, number, boolean, date …; null is no kind",
        ),
        sa.Column("looked_at", sa.BigInteger(), nullable=False, comment="Records looked at"),
        sa.Column(
            "present", sa.BigInteger(), nullable=False, comment="of these, records that had the field with a value"
        ),
        sa.Column(
            "longest",
            sa.Integer(),
            nullable=False,
            comment="Characters of the longest text, or that the source allows; 0 = no text",
        ),
        sa.Column(
            "was",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="Kinds known before; null = the field was not known",
        ),
        sa.Column(
            "change",
            sa.Text(),
            nullable=True,
            comment="same, new, changed, longer, missing, retyped or gone; null = not compared yet",
        ),
        sa.PrimaryKeyConstraint("batch_id", "field", name=op.f("pk_batch_field")),
        schema="ops",
        comment="The fields that a batch's records have on the wire, sampled or described; of a checked batch those that changed",
    )
    op.create_table(
        "known_field",
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column(
            "field", sa.Text(), nullable=False, comment="The field as the source names it, after the call that gives it"
        ),
        sa.Column("mapped", sa.Boolean(), nullable=False, comment="We read it"),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False, comment="Kinds of value seen so far"),
        sa.Column("looked_at", sa.BigInteger(), nullable=False, comment="Records looked at so far"),
        sa.Column(
            "present", sa.BigInteger(), nullable=False, comment="of these, records that had the field with a value"
        ),
        sa.Column("longest", sa.Integer(), nullable=False, comment="Characters of the longest text so far"),
        sa.Column("since_batch", sa.BigInteger(), nullable=False, comment="The batch that met it first (ops.batch)"),
        sa.Column("last_batch", sa.BigInteger(), nullable=False, comment="The batch that met it last (ops.batch)"),
        sa.PrimaryKeyConstraint("system", "stream", "field", name=op.f("pk_known_field")),
        schema="ops",
        comment="The fields of each stream on the wire as the checked batches had them: what the next batch is compared with",
    )
    op.add_column(
        "check_result",
        sa.Column(
            "keys",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Keys of rows that broke it, the first 20 at most; no other value of theirs",
        ),
        schema="ops",
    )
    op.add_column(
        "check_result",
        sa.Column("problem", sa.Text(), nullable=True, comment="Why it could not run: the kind of error"),
        schema="ops",
    )
    op.add_column(
        "check_result",
        sa.Column(
            "accepted_by", sa.Text(), nullable=True, comment="Who let the batch go on although it failed, and why"
        ),
        schema="ops",
    )
    op.create_table_comment(
        "check_result",
        "Outcome of every rule of every suite: counts and keys, never values",
        existing_comment="Outcome of every rule of every suite: counts, never values",
        schema="ops",
    )

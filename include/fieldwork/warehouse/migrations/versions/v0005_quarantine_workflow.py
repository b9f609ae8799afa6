"""Quarantine as a workflow, and what reconciliation compares and finds"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = "3c05b3f9a02871bd5fec0ee1128880062c80bcabc61751f590cb839da1fffe20"

#: Whoever changes a quarantined row leaves a trace, in psql too. ``fieldwork.who`` and ``fieldwork.reason`` are set by
#: our own commands, for one transaction; the statement is set-based, so that a bulk change costs one insert.
NOTE_EVENTS = """
create function ops.note_quarantine_event() returns trigger
language plpgsql as $$
begin
    insert into ops.quarantine_event (quarantine_id, at, who, was, status, columns, reason)
    select
        fresh.quarantine_id,
        clock_timestamp(),
        coalesce(nullif(current_setting('fieldwork.who', true), ''), session_user),
        before.status,
        fresh.status,
        case
            when fresh.mended is distinct from before.mended then (
                select array_agg(cell.key order by cell.key)
                from jsonb_each(fresh.mended) as cell
                where cell.value is distinct from coalesce(before.mended, before.payload) -> cell.key
            )
        end,
        nullif(current_setting('fieldwork.reason', true), '')
    from fresh
    join before using (quarantine_id)
    where fresh.status <> before.status or fresh.mended is distinct from before.mended
    order by fresh.quarantine_id;
    return null;
end
$$;

create trigger note_event
after update on ops.quarantine
referencing old table as before new table as fresh
for each statement execute function ops.note_quarantine_event();
"""


def upgrade() -> None:
    op.create_table(
        "quarantine_event",
        sa.Column("event_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The event"),
        sa.Column("quarantine_id", sa.BigInteger(), nullable=False, comment="The row set aside (ops.quarantine)"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.Column("who", sa.Text(), nullable=False, comment="Who asked for it; the login where nobody said"),
        sa.Column("was", sa.Text(), nullable=False, comment="Status before"),
        sa.Column("status", sa.Text(), nullable=False, comment="Status after"),
        sa.Column(
            "columns",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="Columns that a person changed, by name; no values",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why, in the words of whoever did it"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_quarantine_event")),
        schema="ops",
        comment="Who did what with a quarantined row, written by the table itself whenever its status or its mended row changes",
    )
    op.create_index(
        op.f("ix_quarantine_event_quarantine_id_at"),
        "quarantine_event",
        ["quarantine_id", "at"],
        unique=False,
        schema="ops",
    )
    op.create_table(
        "replay",
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The replay (ops.batch)"),
        sa.Column("quarantine_id", sa.BigInteger(), nullable=False, comment="The row set aside (ops.quarantine)"),
        sa.Column("row_hash", sa.Text(), nullable=False, comment="MD5 of the row as it stood when it was taken"),
        sa.PrimaryKeyConstraint("batch_id", "quarantine_id", name=op.f("pk_replay")),
        schema="ops",
        comment="Which quarantined rows a replay took, and which version of each: a row that was changed since is left to the next",
    )
    op.create_table(
        "reconcile_finding",
        sa.Column("finding_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The finding"),
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that found it first (ops.run)"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="missing (the source has it), gone (the source has it no more), deleted (it is deleted there), stale (another version is there), unanswered (a person who was asked for and whom the system does not know)",
        ),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="The record's key; of unanswered the person's id in the system"
        ),
        sa.Column("day", sa.Date(), nullable=True, comment="Its day"),
        sa.Column(
            "modified_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The source's modified stamp, where it has one",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="open; settled (a later comparison no longer found it); repaired (the same, after a repair)",
        ),
        sa.Column(
            "seen", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="How many comparisons found it"
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, comment="When it was found first"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, comment="When it was found last"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="When it left open"),
        sa.Column("settled_by", sa.Text(), nullable=True, comment="The run that no longer found it"),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_reconcile_finding")),
        schema="ops",
        comment="Records in which a source and the warehouse differ, by name",
    )
    op.create_index(
        op.f("ix_reconcile_finding_status_stream_day"),
        "reconcile_finding",
        ["status", "stream", "day"],
        unique=False,
        schema="ops",
    )
    op.create_index(
        "uq_reconcile_finding_open",
        "reconcile_finding",
        ["system", "stream", "kind", "key"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "reconcile_total",
        sa.Column("total_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The comparison"),
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that compared (ops.run)"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column(
            "day", sa.Date(), nullable=True, comment="The day; null = records without one, or a stream that has no days"
        ),
        sa.Column(
            "counted",
            sa.Text(),
            nullable=False,
            comment="by the source (it counted itself; days in UTC), or by key (every key was read)",
        ),
        sa.Column("source_rows", sa.BigInteger(), nullable=False, comment="Records that the source has"),
        sa.Column("warehouse_rows", sa.BigInteger(), nullable=False, comment="Records that core has"),
        sa.Column(
            "set_aside",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of the source's, those that wait in quarantine",
        ),
        sa.Column(
            "later",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of the source's, those that came or changed after we read",
        ),
        sa.Column(
            "source_sum",
            sa.Numeric(),
            nullable=True,
            comment="Sum of the stream's measure there: minutes of leave and visits, amounts",
        ),
        sa.Column("warehouse_sum", sa.Numeric(), nullable=True, comment="The same sum here"),
        sa.PrimaryKeyConstraint("total_id", name=op.f("pk_reconcile_total")),
        schema="ops",
        comment="What a source holds beside what the warehouse holds, by stream and day, each time they were compared",
    )
    op.create_index(
        op.f("ix_reconcile_total_run_id_stream_day"),
        "reconcile_total",
        ["run_id", "stream", "day"],
        unique=False,
        schema="ops",
    )
    op.alter_column(
        "batch",
        "kind",
        existing_type=sa.Text(),
        comment="extract; replay for quarantined rows that go through again; reconcile for keys that are only compared; "
        "repair for records that the source has no more",
        existing_comment="extract, or replay for held rows that go through again",
        existing_nullable=False,
        schema="ops",
    )
    op.add_column(
        "quarantine",
        sa.Column(
            "mended",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The row as a person mended it; null = never mended",
        ),
        schema="ops",
    )
    op.alter_column(
        "quarantine",
        "status",
        existing_type=sa.Text(),
        comment="new; held (waits for a person or account to be known); mended; replayed; superseded; dismissed",
        existing_comment="new; held (waits for a person or account to be known); replayed; superseded; dismissed",
        existing_nullable=False,
        schema="ops",
    )
    op.alter_column(
        "quarantine",
        "settled_at",
        existing_type=sa.DateTime(timezone=True),
        comment="When it was replayed, superseded or dismissed",
        existing_comment="When it left new or held",
        existing_nullable=True,
        schema="ops",
    )
    op.add_column(
        "run",
        sa.Column(
            "kind",
            sa.Text(),
            server_default=sa.text("'journey'"),
            nullable=False,
            comment="journey, replay (quarantined rows), reconcile or repair",
        ),
        schema="ops",
    )
    op.add_column(
        "run",
        sa.Column(
            "read_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Read modified streams from here on; null = from the watermark",
        ),
        schema="ops",
    )
    for name, what in (("account", "customer"), ("crm_user", "user")):
        comment = f"When the CRM was found to have the {what} no more; null = there"
        op.add_column(
            name, sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True, comment=comment), schema="core"
        )
    op.alter_column(
        "step",
        "step",
        existing_type=sa.Text(),
        comment="extract:<stream>, check, load, build, audit, publish, write_back, finish; or of another kind of run",
        existing_comment="extract:<stream>, check, load, build, audit, publish or write_back",
        existing_nullable=False,
        schema="ops",
    )
    op.execute(NOTE_EVENTS)

"""Write-back: batches, conflicts, undo; only what was published since is looked at"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = "7fc208191f70120a040747b99585d8c92be4a86cb2695176f99d48a8a82d0b4a"

#: Changes of before have a batch too, one for each run and kind.
BATCHES = """
insert into ops.write_batch (run_id, system, kind, purpose, state, records, opened_at, closed_at)
select run_id, system, kind, 'write_back', 'closed', count(*), min(written_at), max(coalesce(settled_at, written_at))
from ops.outbox
group by run_id, system, kind
order by min(outbox_id)
"""
THEIRS = """
update ops.outbox
set write_batch_id = batch.write_batch_id
from ops.write_batch as batch
where outbox.run_id = batch.run_id and outbox.system = batch.system and outbox.kind = batch.kind
"""


def upgrade() -> None:
    op.create_table(
        "conflict",
        sa.Column("conflict_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The conflict"),
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="Record id of the visit, or external id of the performance record"
        ),
        sa.Column("field", sa.Text(), nullable=False, comment="Our name of the field; * = the whole record"),
        sa.Column("reason", sa.Text(), nullable=False, comment="edited; gone (deleted or merged in the CRM)"),
        sa.Column(
            "sent", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="What we last sent; null = nothing"
        ),
        sa.Column(
            "theirs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What stood in the CRM when we last looked",
        ),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="What we would write"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="open; kept (theirs, by decision); ours (to be written by the next run); resolved",
        ),
        sa.Column(
            "resolution",
            sa.Text(),
            nullable=True,
            comment="equal, ours, declared (the field is declared ours), reverted, or back (the record)",
        ),
        sa.Column(
            "write_batch_id", sa.BigInteger(), nullable=False, comment="The batch that found it last (ops.write_batch)"
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, comment="When it was found first"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, comment="When it was found last"),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="Who decided"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="When it was decided or resolved"),
        sa.PrimaryKeyConstraint("conflict_id", name=op.f("pk_conflict")),
        schema="ops",
        comment="Where the CRM's people have the last word: fields that they edited since our last write, records that are gone",
    )
    op.create_index(op.f("ix_conflict_write_batch_id"), "conflict", ["write_batch_id"], unique=False, schema="ops")
    op.create_index(
        "uq_conflict_unresolved",
        "conflict",
        ["system", "kind", "key", "field"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_table(
        "write_batch",
        sa.Column("write_batch_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The batch"),
        sa.Column(
            "run_id",
            sa.Text(),
            nullable=False,
            comment="The run that sends it (ops.run), or crm-… from the command line",
        ),
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="write_back or undo"),
        sa.Column("undoes", sa.BigInteger(), nullable=True, comment="Of an undo: the batch that it takes back"),
        sa.Column("state", sa.Text(), nullable=False, comment="open or closed"),
        sa.Column(
            "records",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Changes put into the outbox",
        ),
        sa.Column(
            "result",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Of a closed batch: numbers of changes by what became of them",
        ),
        sa.Column(
            "predicted_calls",
            sa.BigInteger(),
            nullable=True,
            comment="Calls that it was expected to take, said before the first one",
        ),
        sa.Column(
            "used_calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="Calls that it took"
        ),
        sa.Column("sha256", sa.Text(), nullable=True, comment="Of a closed batch: SHA-256 over what was sent"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="When it was opened"),
        sa.Column(
            "closed_at", sa.DateTime(timezone=True), nullable=True, comment="When all that could be sent had an answer"
        ),
        sa.Column(
            "lifted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Of an undo: when what it took back was allowed to be sent again",
        ),
        sa.PrimaryKeyConstraint("write_batch_id", name=op.f("pk_write_batch")),
        schema="ops",
        comment="What one run sends of one kind: the unit that is audited, and that can be undone",
    )
    op.create_index(
        op.f("ix_write_batch_system_kind"),
        "write_batch",
        ["system", "kind"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("ix_write_batch_system_opened_at"), "write_batch", ["system", "opened_at"], unique=False, schema="ops"
    )
    op.create_table(
        "write_mark",
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Rows published until then have been looked at",
        ),
        sa.Column(
            "fields",
            sa.Text(),
            nullable=False,
            comment="The mapped fields then; other ones and everything is looked at again",
        ),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("system", "kind", name=op.f("pk_write_mark")),
        schema="ops",
        comment="How far the published rows have been compared with the receipts",
    )
    op.create_table(
        "write_owner",
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("crm_user_id", sa.Text(), nullable=True, comment="The CRM user; null = none"),
        sa.PrimaryKeyConstraint("system", "employee_id", name=op.f("pk_write_owner")),
        schema="ops",
        comment="The CRM user of each person when the records were last compared; another one and they are looked at again",
    )
    op.create_index("ix_performance_day_published_at", "performance_day", ["published_at"], unique=False, schema="mart")
    op.create_index("ix_visit_check_published_at", "visit_check", ["published_at"], unique=False, schema="mart")
    op.create_index("ix_visit_check_visit_id", "visit_check", ["visit_id"], unique=False, schema="mart")
    op.add_column(
        "outbox",
        sa.Column(
            "write_batch_id",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="The batch that sends it (ops.write_batch)",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column("employee_id", sa.Text(), nullable=True, comment="The person whose record it is"),
        schema="ops",
    )
    op.add_column(
        "outbox", sa.Column("day", sa.Date(), nullable=True, comment="The working day that it is about"), schema="ops"
    )
    op.add_column(
        "outbox",
        sa.Column(
            "operation",
            sa.Text(),
            server_default=sa.text("'upsert'"),
            nullable=False,
            comment="upsert, or delete (an undo of a record that we made)",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "idempotency_key",
            sa.Text(),
            server_default=sa.text("(gen_random_uuid())::text"),
            nullable=False,
            comment="Names this change for ever; written into the record where the CRM has a field for it",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "correction",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="The CRM holds an earlier value of ours",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "rank",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Order of sending: corrections first, then the newest days",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "changes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The fields that are sent, which are those that differ in the CRM, and their values",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "before",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What stood in those fields before; null = not looked at",
        ),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column("existed", sa.Boolean(), nullable=True, comment="Did the CRM have the record before"),
        schema="ops",
    )
    op.add_column(
        "outbox",
        sa.Column(
            "undoes", sa.BigInteger(), nullable=True, comment="Of an undo: the change that it takes back (ops.outbox)"
        ),
        schema="ops",
    )
    op.add_column(
        "outbox", sa.Column("job", sa.Text(), nullable=True, comment="The CRM's bulk job that carries it"), schema="ops"
    )
    op.add_column(
        "outbox",
        sa.Column(
            "called_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last handed over to be sent"
        ),
        schema="ops",
    )
    op.alter_column(
        "outbox",
        "payload",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        comment="Our fields and the values that the record should have",
        existing_comment="Our fields and their new values",
        existing_nullable=False,
        schema="ops",
    )
    op.alter_column(
        "outbox",
        "state",
        existing_type=sa.TEXT(),
        comment="pending; sending (a call may have gone out); sent; rejected; same (the CRM had it already); kept (people edited it); gone (the CRM has the record no more); superseded by a later change",
        existing_comment="pending, sent, rejected, or superseded by a later change",
        existing_nullable=False,
        schema="ops",
    )
    op.alter_column(
        "outbox",
        "settled_at",
        existing_type=postgresql.TIMESTAMP(timezone=True),
        comment="When its outcome was known",
        existing_comment="When it left pending",
        existing_nullable=True,
        schema="ops",
    )
    op.drop_index(op.f("ix_outbox_system_state_kind"), table_name="outbox", schema="ops")
    op.drop_index(
        op.f("uq_outbox_pending"), table_name="outbox", schema="ops", postgresql_where="(state = 'pending'::text)"
    )
    op.create_index(
        "ix_outbox_kept",
        "outbox",
        ["system", "kind", "key"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'kept'"),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["system", "kind", "rank", "outbox_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state in ('pending', 'sending')"),
    )
    op.create_index(op.f("ix_outbox_write_batch_id"), "outbox", ["write_batch_id"], unique=False, schema="ops")
    op.create_index(
        "uq_outbox_waiting",
        "outbox",
        ["system", "kind", "key"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("state in ('pending', 'sending')"),
    )
    op.add_column(
        "receipt",
        sa.Column(
            "refused_fields",
            sa.Text(),
            nullable=True,
            comment="The mapping by which it was refused: another one tries again",
        ),
        schema="ops",
    )
    op.add_column(
        "receipt",
        sa.Column(
            "parked",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Fields whose last write was undone, with the undone values: not sent again until they change",
        ),
        schema="ops",
    )
    op.add_column(
        "receipt",
        sa.Column(
            "look_again",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="To be compared by the next run though nothing new was published",
        ),
        schema="ops",
    )
    op.alter_column(
        "receipt",
        "payload",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        comment="Our fields as they stand in the CRM by our last accepted writes; null = no record of ours",
        existing_comment="Our fields as they stand in the CRM after the last accepted write",
        existing_nullable=True,
        schema="ops",
    )
    op.create_index(
        "ix_receipt_look_again",
        "receipt",
        ["system", "kind"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("look_again"),
    )
    op.create_index(
        "ix_receipt_refused",
        "receipt",
        ["system", "kind"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("not ok"),
    )
    op.drop_column("receipt", "payload_hash", schema="ops")
    op.execute(BATCHES)
    op.execute(THEIRS)

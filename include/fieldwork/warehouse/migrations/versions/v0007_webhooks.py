"""Webhooks: the endpoints, how far each has been told, and every event with what became of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = "ca93ff238bdcb3ba9efef8abf5556a6a1ac8f5458451e8254ceba3c7b92a7ee8"


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("endpoint", sa.Text(), nullable=False, comment="Its name in the configuration"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="on; off (it answered 410 Gone): nothing is sent until it is enabled again",
        ),
        sa.Column("since", sa.Date(), nullable=False, comment="First working day whose records it is told about"),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Times in a row that it was in trouble as a whole",
        ),
        sa.Column(
            "paused_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Nothing is sent before: it was in trouble, or asked to wait",
        ),
        sa.Column("problem", sa.Text(), nullable=True, comment="What was wrong with it last, in our words"),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=False, comment="When it was first known"),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True, comment="When it last took an event"),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_webhook_endpoint")),
        schema="ops",
        comment="Where events go, and how it stands there",
    )
    op.create_table(
        "webhook_event",
        sa.Column(
            "event_id",
            sa.BigInteger(),
            autoincrement=True,
            nullable=False,
            comment="The event; events of one person are delivered in this order",
        ),
        sa.Column("endpoint", sa.Text(), nullable=False, comment="The endpoint (ops.webhook_endpoint)"),
        sa.Column(
            "webhook_id",
            sa.Text(),
            server_default=sa.text("(gen_random_uuid())::text"),
            nullable=False,
            comment="Its name for the receiver, the same at every attempt: webhook-id, and id of the CloudEvent",
        ),
        sa.Column(
            "run_id",
            sa.Text(),
            nullable=False,
            comment="The run that noted it (ops.run), or webhooks-… from the command line",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="Record id of the visit, or employee id and day of the performance record",
        ),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day that it is about"),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Our fields and their values; null = delivered, and forgotten after [webhooks] keep_days",
        ),
        sa.Column("payload_hash", sa.Text(), nullable=False, comment="SHA-256 of the payload"),
        sa.Column(
            "changed",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Names of the fields that differ from the event before; null = the first about this record",
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False, comment="When the record was published"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="waiting; delivered; dead (a dead letter: refused, or failed too often)",
        ),
        sa.Column(
            "attempts", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Calls that carried it"
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Failures that were its own and not the endpoint's",
        ),
        sa.Column(
            "replays",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Times that it was put back to be sent again",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True, comment="Not to be sent again before"),
        sa.Column("status", sa.Integer(), nullable=True, comment="HTTP status of the last answer; null = none came"),
        sa.Column("problem", sa.Text(), nullable=True, comment="What was wrong at the last attempt, in our words"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False, comment="When it was noted"),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last sent"),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was delivered or became a dead letter",
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_webhook_event")),
        schema="ops",
        comment="One change of one record for one endpoint; the last one of a record is what the endpoint knows or will know",
    )
    op.create_index(
        "ix_webhook_event_dead",
        "webhook_event",
        ["endpoint", "event_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_webhook_event_record", "webhook_event", ["endpoint", "kind", "key", "event_id"], unique=False, schema="ops"
    )
    op.create_index(
        "ix_webhook_event_waiting",
        "webhook_event",
        ["endpoint", "employee_id", "event_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(op.f("ix_webhook_event_webhook_id"), "webhook_event", ["webhook_id"], unique=True, schema="ops")
    op.create_table(
        "webhook_mark",
        sa.Column("endpoint", sa.Text(), nullable=False, comment="The endpoint (ops.webhook_endpoint)"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Rows published until then have been looked at",
        ),
        sa.PrimaryKeyConstraint("endpoint", "kind", name=op.f("pk_webhook_mark")),
        schema="ops",
        comment="How far the published rows have been looked at for each endpoint",
    )
    op.alter_column(
        "step",
        "step",
        existing_type=sa.TEXT(),
        comment="extract:<stream>, check, load, build, audit, publish, write_back, webhooks, finish; or of another kind of run",
        existing_comment="extract:<stream>, check, load, build, audit, publish, write_back, finish; or of another kind of run",
        existing_nullable=False,
        schema="ops",
    )

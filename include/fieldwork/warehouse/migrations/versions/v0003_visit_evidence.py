"""Reasons by name, signals and stays of visits; the check-ins that prove no visit; a grid over the customers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
#: SHA-256 of the files of migrate.REPEATED, which are made anew after this migration
REPEATED = "117b52659eed0d4030ad9ff45e87d8196b874c7d9b41254b4ab566b02f19aaf2"

SIGNALS = "Names of what is odd about the check-in's position, sorted: evidence, no verdict (ref.location_signal)"
CELL = (
    "case when latitude between -90 and 90 and longitude between -180 and 180 and (latitude <> 0 or longitude <> 0) "
    "then (floor((latitude + 90) * 200) * 72000 + floor((longitude + 180) * 200))::bigint end"
)
#: what the rows say that were published before reasons had names
REASON_CODES = """
update {table}
set reason_code = case verdict
    when 'verified' then 'on_site'
    when 'off_schedule' then case when checked_in_at < planned_start then 'too_early' else 'too_late' end
    when 'out_of_range' then 'too_far'
    when 'unverifiable' then
        case when reason like 'The CRM%' then 'customer_not_located' else 'check_in_not_located' end
    else verdict
end
"""


def upgrade() -> None:
    # their columns change: made anew, not replaced
    op.execute("drop view if exists report.visit_check, report.unmatched_check_in")
    for table in ("build.visit_check", "mart.visit_check", "mart.visit_check_history"):
        _extend_visit_check(*table.split("."))
    _unmatched_check_in("build", "unmatched_check_in", "Rows of mart.unmatched_check_in being made")
    _unmatched_check_in(
        "mart",
        "unmatched_check_in",
        "One row per field check-in that proves no visit: where was the person, and why does it prove nothing",
    )
    _unmatched_check_in(
        "mart",
        "unmatched_check_in_history",
        "Earlier versions of mart.unmatched_check_in: believed from published_at to believed_until",
    )
    op.create_index("ix_unmatched_check_in_day", "unmatched_check_in", ["employee_id", "work_date"], schema="mart")
    op.create_table(
        "check_in_cell",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("record_id", sa.Text(), nullable=False, comment="The check-in (core.punch)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="Its working day when it was last judged"),
        sa.Column("punched_at", sa.DateTime(timezone=True), nullable=False, comment="When; retention counts from here"),
        sa.Column("cell", sa.BigInteger(), nullable=False, comment="The cell of the grid (core.account.cell)"),
        sa.PrimaryKeyConstraint("employee_id", "record_id", name=op.f("pk_check_in_cell")),
        schema="place",
        comment="Where a check-in that proves no visit lies, to half a kilometre; kept no longer than its position",
    )
    op.create_index(op.f("ix_check_in_cell_cell"), "check_in_cell", ["cell"], schema="place")
    op.add_column(
        "account",
        sa.Column(
            "cell",
            sa.BigInteger(),
            sa.Computed(CELL, persisted=True),
            nullable=True,
            comment="The cell of a grid of 1/200 degree that it lies in; null = unknown",
        ),
        schema="core",
    )
    op.create_index(op.f("ix_account_cell"), "account", ["cell"], schema="core")
    _extend_rules()


def _extend_visit_check(schema: str, name: str) -> None:
    for column in (
        sa.Column(
            "radius_m", sa.Double(), nullable=True, comment="The geofence that the distance was judged by, in metres"
        ),
        sa.Column("reason_code", sa.Text(), nullable=True, comment="Why, as a name that stays (docs/rules.md)"),
        sa.Column("signals", postgresql.ARRAY(sa.Text()), nullable=False, comment=SIGNALS, server_default="{}"),
        sa.Column(
            "stayed_minutes",
            sa.Integer(),
            nullable=True,
            comment="Whole minutes from the first to the last check-in there; null = there is one alone",
        ),
        sa.Column(
            "stayed_at_most_minutes",
            sa.Integer(),
            nullable=True,
            comment="Whole minutes from the first check-in there to the next elsewhere",
        ),
    ):
        op.add_column(name, column, schema=schema)
    op.execute(REASON_CODES.format(table=f"{schema}.{name}"))
    op.alter_column(name, "reason_code", nullable=False, schema=schema)
    op.alter_column(name, "signals", server_default=None, schema=schema)


def _unmatched_check_in(schema: str, name: str, comment: str) -> None:
    keys = ["employee_id", "record_id"]
    before, after = [], []
    if schema == "build":
        before = [sa.Column("run_id", sa.Text(), nullable=False, comment="The run that makes the row (ops.run)")]
        keys = ["run_id", *keys]
    else:
        after = [
            sa.Column(
                "published_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="When this version of the row was published",
            )
        ]
    if name.endswith("_history"):
        after += [
            sa.Column("believed_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced")
        ]
        keys = [*keys, "believed_until"]
    op.create_table(
        name,
        *before,
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("record_id", sa.Text(), nullable=False, comment="The check-in (core.punch)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="Its working day"),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=False, comment="When it was made"),
        sa.Column(
            "visit_id",
            sa.Text(),
            nullable=True,
            comment="The visit that it comes nearest to proving (core.visit); null = none is in question",
        ),
        sa.Column(
            "account_id",
            sa.Text(),
            nullable=True,
            comment="The customer at or nearest to the place; null = none is near",
        ),
        sa.Column(
            "distance_m", sa.Double(), nullable=True, comment="Metres from the check-in to that customer, WGS-84"
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True, comment="The position's own error in metres"),
        sa.Column(
            "reason_code",
            sa.Text(),
            nullable=False,
            comment="Why it proves nothing, as a name that stays (docs/rules.md)",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it proves nothing, in a sentence"),
        sa.Column("signals", postgresql.ARRAY(sa.Text()), nullable=False, comment=SIGNALS),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        *after,
        sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")),
        schema=schema,
        comment=comment,
    )


def _extend_rules() -> None:
    """The values that every version so far was computed with in effect: what they decide is new."""
    for name, value, comment in (
        ("poor_accuracy_m", "1000", "A position that admits a larger error is marked accuracy_poor"),
        ("speed_limit_kmh", "900", "Nobody travels faster from one check-in to the next"),
        ("nearby_m", "1000", "A customer this near to a check-in that proves no visit is named"),
    ):
        column: sa.Column[float] = sa.Column(name, sa.Double(), nullable=False, comment=comment, server_default=value)
        op.add_column("rule_version", column, schema="ref")
        op.alter_column("rule_version", name, server_default=None, schema="ref")

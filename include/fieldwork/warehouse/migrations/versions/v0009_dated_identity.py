"""Links of identity never overlap; posts of the past; questions about identity; the manager of the day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from fieldwork.errors import ConfigError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
#: SHA-256 of the files of migrate.REPEATED, which are made anew after this migration
REPEATED = "f65c47c5a4ee2441957145cb91e6fc1f401c1be2dcab8d18809a2c7a25972323"

#: What the files of migrate.REPEATED make: functions and views of ``report``, views of ``ref``. Each is dropped once
#: nothing needs it any more; where something of somebody else's does, the migration stops with PostgreSQL's own word.
_DROP_REMADE = """
do $$
declare
    waiting text[];
    still text[];
    one text;
    detail text;
    told text;
begin
    select array_agg(what) into waiting from (
        select 'routine ' || oid::regprocedure as what
        from pg_proc
        where pronamespace = 'report'::regnamespace
        union all
        select 'view ' || oid::regclass
        from pg_class
        where relkind = 'v' and relnamespace in ('report'::regnamespace, 'ref'::regnamespace)
    ) as remade;
    while waiting is not null and cardinality(waiting) > 0 loop
        still := '{}';
        told := '';
        foreach one in array waiting loop
            begin
                execute 'drop ' || one;
            exception when dependent_objects_still_exist then
                get stacked diagnostics detail = pg_exception_detail;
                told := told || detail || E'\\n';
                still := still || one;
            end;
        end loop;
        if cardinality(still) = cardinality(waiting) then
            raise dependent_objects_still_exist using message = 'Views of your own stand on those that change: ' || told;
        end if;
        waiting := still;
    end loop;
end
$$
"""
_MANAGER = "The person's manager on the day"
_PERFORMANCE = ("mart.performance_day", "mart.performance_day_history", "build.performance_day")
_COMMENTS = {
    "mart.performance_day.team": "The person''s team on the day",
    "mart.performance_day_history.team": "The person''s team on the day",
    "build.performance_day.team": "The person''s team on the day",
    "core.employee.team": "The team or department now; what was earlier is in ref.post",
    "core.employee.manager_user_id": "The manager''s id in the attendance system, now",
    "core.employee.hired_on": "First day of employment; null = before all records; an earlier one is in ref.post",
    "core.crm_user.employee_id": "The person this user is today; null = not known",
    "ref.identity.employee_id": "The person; null = nobody, by decision: rows of these days wait",
    "ref.identity.rule": "Which rule made the link: manual, file, source, employee_no, email, mobile or name",
    "ops.batch.kind": (
        "extract; replay: quarantined rows that go through again; move: rows whose id is another person now; "
        "reconcile: keys that are only compared; repair: records that the source has no more"
    ),
}


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_DROP_REMADE)
    _need_extension()
    _links()
    _posts()
    _review()
    op.drop_index("ix_employee_system_user_id", table_name="employee", schema="core")
    op.create_index("ix_employee_system_user_id", "employee", ["system", "user_id"], schema="core")
    op.add_column(
        "employee",
        sa.Column(
            "same_as",
            sa.Text(),
            nullable=True,
            comment="The person that this one turned out to be; then employed on no day, and left out everywhere",
        ),
        schema="core",
    )
    for table in _PERFORMANCE:
        schema, name = table.split(".")
        op.add_column(name, sa.Column("manager_employee_id", sa.Text(), nullable=True, comment=_MANAGER), schema=schema)
    _managers()
    for column, comment in _COMMENTS.items():
        op.execute(f"comment on column {column} is '{comment}'")


def _need_extension() -> None:
    """Spans of one id, or of one person, are kept from overlapping by a constraint that needs btree_gist."""
    there = "select count(*) from pg_available_extensions where name = 'btree_gist'"
    if not op.get_bind().execute(sa.text(there)).scalar_one():
        raise ConfigError(
            "This PostgreSQL does not have the extension btree_gist.",
            todo="Install PostgreSQL's contrib package (postgresql-contrib) on the server, then migrate again.",
        )
    op.execute("create extension if not exists btree_gist")


def _links() -> None:
    """Of links that overlap the later one counted: the earlier one ends where it begins."""
    op.execute(
        "update ref.identity as i set valid_to = n.next_from from ("
        "select system, external_id, valid_from, lead(valid_from) over (partition by system, external_id"
        " order by valid_from) as next_from from ref.identity) as n "
        "where i.system = n.system and i.external_id = n.external_id and i.valid_from = n.valid_from"
        " and n.next_from < coalesce(i.valid_to, 'infinity')"
    )
    op.execute("delete from ref.identity where valid_to <= valid_from")
    op.alter_column("identity", "employee_id", nullable=True, schema="ref")
    op.execute(
        "comment on table ref.identity is 'Which outside id is which person, dated; an id is one person on a day'"
    )
    op.create_check_constraint(op.f("ck_identity_span"), "identity", "valid_to > valid_from", schema="ref")
    op.execute(
        "alter table ref.identity add constraint ex_identity_one_person_a_day exclude using gist"
        " (system with =, external_id with =, daterange(valid_from, valid_to) with &&)"
    )


def _posts() -> None:
    op.create_table(
        "post",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person (core.employee), employed on all days of the span",
        ),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day no longer; null = open"),
        sa.Column("team", sa.Text(), nullable=True, comment="The team or department then"),
        sa.Column(
            "manager_user_id",
            sa.Text(),
            nullable=True,
            comment="The manager then, by the id in the attendance system (ref.identity says who that was)",
        ),
        sa.Column(
            "manager_employee_id",
            sa.Text(),
            nullable=True,
            comment="The manager, where somebody has said so; goes before manager_user_id",
        ),
        sa.Column(
            "rule",
            sa.Text(),
            nullable=False,
            comment="source (what a read said until a later one said otherwise) or manual",
        ),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False, comment="When it was noted"),
        sa.PrimaryKeyConstraint("employee_id", "valid_from", name=op.f("pk_post")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_post_span")),
        postgresql.ExcludeConstraint(
            ("employee_id", "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_post_one_a_day",
        ),
        schema="ref",
        comment="Posts of the past and posts set right by hand: team, manager and employment of days on which "
        "core.employee, which says what is now, does not hold",
    )


def _review() -> None:
    op.create_table(
        "identity_review",
        sa.Column("review_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The question"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The id there"),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="Why nobody but a person can say whose it is (docs/identity.md lists the codes)",
        ),
        sa.Column(
            "candidates", postgresql.ARRAY(sa.Text()), nullable=False, comment="Employee ids that it may be, sorted"
        ),
        sa.Column("since", sa.Date(), nullable=True, comment="First day that it is about; null = all days"),
        sa.Column("status", sa.Text(), nullable=False, comment="open; decided (by hand); gone (the reason is)"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="When it was asked first"),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False, comment="When it was last found so"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="When it left open"),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_identity_review")),
        schema="ops",
        comment="Outside ids that need a person's decision; ids alone, no names",
    )
    op.create_index(
        "uq_identity_review_open",
        "identity_review",
        ["system", "external_id", "reason"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("status = 'open'"),
    )


def _managers() -> None:
    """Published days get the manager that would be computed for them now, so that nothing is restated for it."""
    op.execute(
        "update mart.performance_day as m set manager_employee_id = boss.employee_id "
        "from core.employee as e join ref.identity as boss on boss.system = e.system"
        " and boss.external_id = e.manager_user_id "
        "where m.employee_id = e.employee_id and m.work_date >= boss.valid_from"
        " and (boss.valid_to is null or m.work_date < boss.valid_to)"
    )

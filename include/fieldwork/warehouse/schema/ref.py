"""``ref``: small tables that give the numbers their meaning; copied to every node of a cluster."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Date, Double, Index, Integer, Text, Time, text
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from .base import INSTANT, key, may, must, table

calendar_day = table(
    "ref.calendar_day",
    "What kind of day a date is, by decree",
    key("work_date", Date, "The date"),
    must("kind", Text, "workday, rest, holiday, or makeup (调休上班日: a weekend day decreed to be worked)"),
    may("name", Text, "The holiday's name"),
)

shift = table(
    "ref.shift",
    "Planned hours by name, dated",
    key("shift", Text, "The shift's name"),
    key("valid_from", Date, "First day with these hours"),
    may("valid_to", Date, "First day without them; null = open"),
    must("kind", Text, "fixed or flexible"),
    must("starts", Time, "Local start; of a flexible shift the latest start that is not late"),
    must("ends", Time, "Local end; not after the start = the next day; of a flexible shift the earliest end"),
    may("break_starts", Time, "Local start of the unpaid break; null = none"),
    may("break_ends", Time, "Local end of the unpaid break"),
    must("grace_in_minutes", Integer, "Late up to this many minutes is not late"),
    must("grace_out_minutes", Integer, "Leaving up to this many minutes early is not early"),
    may("required_minutes", Integer, "Flexible shift: minutes from first in that make a whole day, break included"),
)

roster = table(
    "ref.roster",
    "Who works which shift, dated; the narrowest scope wins: employee, team, company",
    key("scope", Text, "company, team or employee"),
    key("subject", Text, "Team name or employee id; * for the company"),
    key("valid_from", Date, "First day"),
    may("valid_to", Date, "First day no longer; null = open"),
    must("shift", Text, "The shift (ref.shift)"),
)

#: A span of days as PostgreSQL's range type, for constraints and for queries.
SPAN = text("daterange(valid_from, valid_to)")

identity = table(
    "ref.identity",
    "Which outside id is which person, dated; an id is one person on a day",
    key("system", Text, "The outside system"),
    key("external_id", Text, "The person's id there"),
    key("valid_from", Date, "First day of the link"),
    may("valid_to", Date, "First day no longer; null = open"),
    may("employee_id", Text, "The person; null = nobody, by decision: rows of these days wait"),
    must("rule", Text, "Which rule made the link: manual, file, source, employee_no, email, mobile or name"),
    must("linked_at", INSTANT, "When the link was made"),
    Index(None, "employee_id"),
    CheckConstraint("valid_to > valid_from", name="span"),
    ExcludeConstraint(
        ("system", "="), ("external_id", "="), (SPAN, "&&"), using="gist", name="ex_identity_one_person_a_day"
    ),
)

post = table(
    "ref.post",
    "Posts of the past and posts set right by hand: team, manager and employment of days on which core.employee, "
    "which says what is now, does not hold",
    key("employee_id", Text, "The person (core.employee), employed on all days of the span"),
    key("valid_from", Date, "First day"),
    may("valid_to", Date, "First day no longer; null = open"),
    may("team", Text, "The team or department then"),
    may(
        "manager_user_id", Text, "The manager then, by the id in the attendance system (ref.identity says who that was)"
    ),
    may("manager_employee_id", Text, "The manager, where somebody has said so; goes before manager_user_id"),
    must("rule", Text, "source (what a read said until a later one said otherwise) or manual"),
    must("noted_at", INSTANT, "When it was noted"),
    CheckConstraint("valid_to > valid_from", name="span"),
    ExcludeConstraint(("employee_id", "="), (SPAN, "&&"), using="gist", name="ex_post_one_a_day"),
)

rule_version = table(
    "ref.rule_version",
    "The rules of a span of days; the version stands on every joined row",
    key("version", Text, "Name of the version"),
    must("valid_from", Date, "First day computed with it"),
    may("valid_to", Date, "First day no longer; null = open"),
    must("time_zone", Text, "The company's zone (IANA name)"),
    must("duplicate_seconds", Integer, "Punches of one person this close are one"),
    must("visit_before_minutes", Integer, "A check-in counts from this long before the planned start"),
    must("visit_after_minutes", Integer, "and until this long after the planned end"),
    must("default_radius_m", Double, "Geofence of an account that has none of its own"),
    must("accuracy_cap_m", Double, "No more than this of a position's error is forgiven"),
    must("overtime_tolerance_minutes", Integer, "Overtime shorter than this is none"),
    must("day_margin_minutes", Integer, "Punches this long before and after a shift still belong to its day"),
    must("company_currency", Text, "Amounts in other currencies are kept apart"),
    must("weights", JSONB, "Weights of the performance index by column"),
    must("config_hash", Text, "SHA-256 of the configuration that it came from"),
)

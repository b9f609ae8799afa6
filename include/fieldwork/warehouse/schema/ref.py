"""``ref``: small tables that give the numbers their meaning; copied to every node of a cluster."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Date, Double, Index, Integer, Interval, Text, Time, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZMULTIRANGE, ExcludeConstraint

from .base import INSTANT, key, may, must, table

calendar_day = table(
    "ref.calendar_day",
    "What kind of day a date is, by decree or by the company's own calendar",
    key("work_date", Date, "The date"),
    must("kind", Text, "workday, rest, holiday, or makeup (调休上班日: a weekend day decreed to be worked)"),
    may("half", Text, "first or second: the half of the shift that is worked on a half workday; null = all of it"),
    may("name", Text, "The holiday's name"),
    must("source", Text, "decree, or company: a day of [company] days in the configuration"),
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
    may("parts", ARRAY(Time, dimensions=2), "Split shift: start and end of each part in order; null = one part"),
    may("breaks", ARRAY(Time, dimensions=2), "Start and end of each unpaid break in order; null = none"),
    may("earliest_starts", Time, "Flexible shift: time before it does not shorten the day; null = all does"),
    must("grace_in_minutes", Integer, "Late up to this many minutes is not late"),
    must("grace_out_minutes", Integer, "Leaving up to this many minutes early is not early"),
    may("required_minutes", Integer, "Flexible shift: minutes from first in that make a whole day, break included"),
)

shift_day = table(
    "ref.shift_day",
    "Every shift on every calendar day as instants, of half workdays the worked half too; computed by ref.shift_hours",
    key("shift", Text, "The shift (ref.shift)"),
    key("work_date", Date, "The date"),
    key("half", Text, "first or second half of the shift, or the whole"),
    must("midnight", INSTANT, "When the date begins in the company's zone"),
    must("next_midnight", INSTANT, "When the next date begins"),
    must("day_margin", Interval, "Punches this long before and after the shift still belong to its day"),
    must("shift_kind", Text, "fixed or flexible"),
    must("starts_at", INSTANT, "Planned start; of a flexible shift the latest that is not late"),
    must("ends_at", INSTANT, "Planned end; of a flexible shift for somebody who starts at starts_at"),
    must("earliest_ends_at", INSTANT, "Of a flexible shift the earliest end; else ends_at"),
    may("earliest_starts_at", INSTANT, "Flexible shift: time before it does not shorten the day; null = all does"),
    must("breaks", TSTZMULTIRANGE, "The unpaid breaks; empty = none"),
    must("pauses", TSTZMULTIRANGE, "The breaks and the gaps between the parts"),
    must("break_starts_at", INSTANT, "Start of the first pause; the shift's start when there is none"),
    must("break_ends_at", INSTANT, "End of the last pause; the shift's start when there is none"),
    must("pause_count", Integer, "How many pauses"),
    may("parts", TSTZMULTIRANGE, "The parts of a split shift; null = one part"),
    must("part_count", Integer, "How many parts"),
    must("planned_minutes", Integer, "Whole minutes of the shift less its pauses"),
    must("grace_in_minutes", Integer, "Late up to this many minutes is not late"),
    must("grace_out_minutes", Integer, "Leaving up to this many minutes early is not early"),
    may("required_minutes", Integer, "Flexible shift: minutes from first in that make the day, break included"),
)

roster = table(
    "ref.roster",
    "Who works which shift, dated; the narrowest scope wins: employee, team, company",
    key("scope", Text, "company, team or employee"),
    key("subject", Text, "Team name or employee id; * for the company"),
    key("valid_from", Date, "First day"),
    may("valid_to", Date, "First day no longer; null = open"),
    may("shift", Text, "The shift (ref.shift); null = the pattern says"),
    may("pattern", ARRAY(Text), "Shifts day by day, repeating; rest = none"),
    may("anchor", Date, "A day on which the pattern begins"),
    must("follows", Text, "calendar: rest days, holidays and half days hold; holidays: only those; nothing"),
)

roster_day = table(
    "ref.roster_day",
    "Who works which shift on one date (roster.csv); wins over every roster",
    key("employee_id", Text, "The person (core.employee)"),
    key("work_date", Date, "The date"),
    must("shift", Text, "The shift (ref.shift), or rest"),
)

hours = table(
    "ref.hours",
    "Which hours system (工时制) holds for whom, dated; the narrowest scope wins: employee, team, company",
    key("scope", Text, "company, team or employee"),
    key("subject", Text, "Team name or employee id; * for the company"),
    key("valid_from", Date, "First day"),
    may("valid_to", Date, "First day no longer; null = open"),
    must("system", Text, "standard (标准工时制), comprehensive (综合计算工时制) or irregular (不定时工作制)"),
    may("settlement", Text, "Comprehensive: the period that is settled: week, month, quarter or year"),
    may("plan", Text, "Comprehensive: calendar = day_minutes for each working day, roster = what the shifts plan"),
    may("day_minutes", Integer, "Comprehensive, plan calendar: minutes for a working day"),
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
    must("poor_accuracy_m", Double, "A position that admits a larger error is marked accuracy_poor"),
    must("speed_limit_kmh", Double, "Nobody travels faster from one check-in to the next"),
    must("nearby_m", Double, "A customer this near to a check-in that proves no visit is named"),
    must("overtime_tolerance_minutes", Integer, "Overtime shorter than this is none"),
    must("day_margin_minutes", Integer, "Punches this long before and after a shift still belong to its day"),
    must("long_span_minutes", Integer, "More between first in and last out is an anomaly"),
    must("leave_joins_break", Boolean, "Leave that reaches a break moves start or end over the break too"),
    must("company_currency", Text, "Amounts in other currencies are kept apart"),
    must("weights", JSONB, "Weights of the performance index by column"),
    must("config_hash", Text, "SHA-256 of the configuration that it came from"),
)

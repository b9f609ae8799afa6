"""Who is who: the rules that link outside ids to persons, in order of trust, and what they do with CRM users.

A link holds for a span of days (``ref.identity``) and says which rule made it. What a person decided goes before the
attendance system's own word (:mod:`.people`), and that before what two records have in common. Where the rules do not
name one person no link is made: a wrong link is worse than none, and the rows wait (docs/identity.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from . import links, sql


@dataclass(frozen=True, slots=True)
class Rule:
    """``says``: what it goes by. ``compares``: it looks for what two records share (identity_by_<name>.sql)."""

    name: str
    says: str
    compares: bool = False


#: In order of trust. `[identity] rules` may leave out and reorder those that compare; the others go before them.
RULES: Final = (
    Rule("manual", "Somebody decided it: `fieldwork identity link`"),
    Rule("file", "A line of identity.csv"),
    Rule("source", "The attendance system lists the person under this id"),
    Rule("employee_no", "The same employee number", compares=True),
    Rule("email", "The same e-mail address", compares=True),
    Rule("mobile", "The same mobile number", compares=True),
    Rule("name", "The same name; off by default", compares=True),
)
#: Questions about CRM users that are asked anew whenever people or CRM users were read.
REASONS: Final = ("several_people", "rules_disagree", "link_contradicted")

_CHANGED: Final = "create temporary table crm_delta on commit drop as select * from delta where side = 'new'"
_UNCHANGED: Final = "create temporary table crm_delta (crm_user_id text, modified_at timestamptz) on commit drop"
_NAMED: Final = (
    "create temporary table named (system text, external_id text, trust integer, rule text, employee_id text)"
    " on commit drop"
)
_HEAR: Final = "insert into named select system, external_id, :trust, :rule, employee_id from ({}) as rule"
_TRUST: Final = "create temporary table trust (rule text, trust integer) on commit drop"
_SAY: Final = (
    "insert into statement (system, external_id, valid_from, valid_to, employee_id, rule) "
    "select system, external_id, lower(part), upper(part), employee_id, rule from comparison "
    "where outcome in ('new', 'replaced', 'ended')"
)
_ASK: Final = (
    "insert into problem (system, external_id, reason, candidates, since) "
    "select system, external_id, reason, candidates, nullif(lower(part), :beginning) from comparison "
    "where reason is not null"
)


def comparing(settings: Settings) -> list[str]:
    """The configured rules that compare records, the most trusted first; raises ConfigError for an unknown one."""
    named = settings.section("identity").get("rules")
    known = [rule.name for rule in RULES if rule.compares]
    if not isinstance(named, list) or len(set(named)) != len(named) or set(named) - set(known):
        raise ConfigError(
            "[identity] rules is not a list of different known rules.",
            todo=f"Choose among {', '.join(known)}, the most trusted first.",
        )
    return named


def link_crm_users(
    connection: sa.Connection, settings: Settings, as_of: datetime, who: str, *, just_read: bool
) -> None:
    """Ask the rules about every CRM user and make the links that they agree on.

    ``just_read``: ``delta`` holds what a batch of CRM users brought, and dates the changes.
    """
    today = as_of.astimezone(settings.time_zone).date()
    zone = settings.time_zone.key
    connection.exec_driver_sql(_CHANGED if just_read else _UNCHANGED)
    links.scratch(connection, "outside", zone=zone, today=today)
    links.scratch(connection, "person", zone=zone)
    for statement in (_NAMED, _TRUST):
        connection.exec_driver_sql(statement)
    for place, name in enumerate(comparing(settings)):
        rule = {"rule": name, "trust": place}
        connection.execute(sa.text("insert into trust values (:rule, :trust)"), rule)
        connection.execute(sa.text(_HEAR.format(sql.read(f"identity_by_{name}"))), rule)
    links.scratch(connection, "evidence", beginning=links.BEGINNING)
    links.scratch(connection, "wish")
    links.scratch(connection, "comparison", beginning=links.BEGINNING)
    connection.execute(sa.text(sql.read("identity_name_rule")))
    connection.exec_driver_sql(_SAY)
    connection.execute(sa.text(_ASK), {"beginning": links.BEGINNING})
    links.apply(connection, who)
    links.settle(connection, list(REASONS), as_of)
    note_crm_users(connection, today)


def note_crm_users(connection: sa.Connection, today: date) -> None:
    """Let each CRM user say whose it is today."""
    connection.execute(sa.text(sql.read("identity_note")), {"today": today})

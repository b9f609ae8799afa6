"""Who works in the city: teams and their managers, shifts, sales reps, and how the two systems know a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_calendar import FLEXIBLE, MINUTE, NIGHT, OFFICE, SHIFTS, Days
from fieldwork.sandbox.city_geography import CITIES
from fieldwork.sandbox.city_ids import crm_ids
from fieldwork.sandbox.city_random import Draws, Flags, Ints
from fieldwork.streams import STREAMS

#: roles and their share of the people; reps work office hours
_ROLES: Final = {"rep": 0.64, "office": 0.2, "night": 0.08, "flexible": 0.08}
_REP, _CLERK = 0, 1
_TEAM_SIZE: Final = 10
_TEAM_NAMES: Final = {"rep": "销售", "office": "职能", "night": "夜班保障", "flexible": "研发"}
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN: Final = "安博晨丹恩方国浩佳建凯乐明宁平启然思天文晓新雅一宇云泽志子欣怡昊瑞诗轩雨梓辰若清远"
#: how a CRM user is known to be the employee
_BY_NUMBER, _BY_EMAIL, _BY_MOBILE = 0, 1, 2

#: when the shift plan began, before everything in the city
PLAN_FROM: Final = date(2000, 1, 1)


@dataclass(frozen=True)
class People:
    """One place per person in every array."""

    user_id: pa.Array
    employee_no: pa.Array
    crm_user_id: pa.Array
    name: list[str]
    team: list[str]
    #: position of the manager, -1 = none
    manager: Ints
    city: Ints
    #: position in SHIFTS, by the roster
    shift: Ints
    #: the roster names the person, not the team
    own_roster: Flags
    rep: Flags
    #: positions among the city's days: first and last day of employment (before and after its days for most)
    hired: Ints
    left: Ints
    #: punches at a terminal at the door, not on the phone
    terminal: Flags
    #: field punches are 签到, not 外勤打卡
    checks_in: Flags

    def __len__(self) -> int:
        return len(self.name)

    def employed(self, days: int) -> Flags:
        """(people, days): is the person employed on the day."""
        day = np.arange(days)
        return (self.hired[:, None] <= day) & (day <= self.left[:, None])


def make_people(count: int, days: int, *, leavers: bool, checkin_share: float, draws: Draws) -> People:
    """``count`` people in teams of ten; ``leavers``: a few leave within the city's days."""
    role = _roles(count, draws)
    rank = _rank_within(role)
    team_no = rank // _TEAM_SIZE
    leads = rank % _TEAM_SIZE == 0
    chief = int(np.flatnonzero(leads & (role == _CLERK))[0])
    city = team_no % len(CITIES)
    number = np.arange(1, count + 1)
    hired = np.where(draws.chance(0.03, count) & ~leads, draws.between(1, max(1, days - 2), count), -1)
    hired = np.where(hired < 0, -draws.between(30, 3000, count), hired)
    leaves = draws.chance(0.03, count) & ~leads & (hired < 0) & leavers
    own_roster = (role == _CLERK) & ~leads & (rank % 23 == 1)
    shift = np.choose(role, [OFFICE, OFFICE, NIGHT, FLEXIBLE])
    return People(
        user_id=pa.array([f"u{n:05d}" for n in number]),
        employee_no=pa.array(_employee_numbers(number, draws)),
        crm_user_id=crm_ids("0055i", 4_000_000 + number * 7),
        name=_names(count, draws),
        team=_team_names(role, team_no, city),
        manager=_managers(role, team_no, leads, chief),
        city=city,
        shift=np.where(own_roster, FLEXIBLE, shift),
        own_roster=own_roster,
        rep=role == _REP,
        hired=hired,
        left=np.where(leaves, draws.between(days // 2, max(days // 2, days - 2), count), days),
        terminal=draws.chance(0.4, count) & (role != _REP),
        checks_in=draws.chance(checkin_share, count),
    )


def _roles(count: int, draws: Draws) -> Ints:
    """The role of each person: at least one of every role, in no order."""
    shares = list(_ROLES.values())
    sizes = [max(1, round(count * share)) for share in shares[1:]]
    roles = np.repeat(np.arange(len(shares)), [count - sum(sizes), *sizes])
    return roles[draws.order(count)]


def _rank_within(role: Ints) -> Ints:
    """How many of the same role come before."""
    rank = np.empty(len(role), dtype=np.int64)
    for one in range(len(_ROLES)):
        here = role == one
        rank[here] = np.arange(here.sum())
    return rank


def _managers(role: Ints, team_no: Ints, leads: Flags, chief: int) -> Ints:
    """The first of a team leads it; leads report to the chief, who reports to nobody."""
    team_key = role * 1_000_000 + team_no
    lead_of = dict(zip(team_key[leads].tolist(), np.flatnonzero(leads).tolist(), strict=True))
    manager = np.array([lead_of[key] for key in team_key.tolist()], dtype=np.int64)
    manager[leads] = chief
    manager[chief] = -1
    return manager


def _employee_numbers(number: Ints, draws: Draws) -> list[str]:
    """E00001 for most; digits with leading zeros for those of an older scheme."""
    older = draws.chance(0.15, len(number))
    return [f"{n:06d}" if old else f"E{n:05d}" for n, old in zip(number.tolist(), older.tolist(), strict=True)]


def _names(count: int, draws: Draws) -> list[str]:
    surname = draws.between(0, len(_SURNAMES) - 1, count)
    given = draws.between(0, len(_GIVEN) - 1, (count, 2))
    short = draws.chance(0.25, count)
    return [
        _SURNAMES[s] + _GIVEN[a] + ("" if one else _GIVEN[b])
        for s, (a, b), one in zip(surname.tolist(), given.tolist(), short.tolist(), strict=True)
    ]


def _team_names(role: Ints, team_no: Ints, city: Ints) -> list[str]:
    words = list(_TEAM_NAMES.values())
    return [
        f"{CITIES[c].name}{words[r]}{t // len(CITIES) + 1}组"
        for r, t, c in zip(role.tolist(), team_no.tolist(), city.tolist(), strict=True)
    ]


def mobile(number: int) -> str:
    """A mobile number that no carrier can give out: 100 begins no mobile range."""
    return f"100{number:08d}"


def roster(people: People) -> list[dict[str, Any]]:
    """The ``[[roster]]`` tables: office hours for the company, then teams and persons with other hours."""
    entries: list[dict[str, Any]] = [{"scope": "company", "subject": "*", "from": PLAN_FROM, "shift": "office"}]
    teams = {
        team: SHIFTS[shift].name
        for team, shift, own in zip(people.team, people.shift.tolist(), people.own_roster.tolist(), strict=True)
        if shift != OFFICE and not own
    }
    entries += [{"scope": "team", "subject": t, "from": PLAN_FROM, "shift": s} for t, s in sorted(teams.items())]
    for position in np.flatnonzero(people.own_roster).tolist():
        subject = people.employee_no[position].as_py()
        shift = SHIFTS[int(people.shift[position])].name
        entries.append({"scope": "employee", "subject": subject, "from": PLAN_FROM, "shift": shift})
    return entries


def employees_table(people: People, days: Days) -> pa.Table:
    """The people as the attendance system lists them: the stream ``employees``."""
    user_ids = people.user_id.to_pylist()
    first = days.dates[0]
    left = [first + timedelta(days=n) if n < len(days) else None for n in people.left.tolist()]
    columns = {
        "user_id": people.user_id,
        "employee_no": people.employee_no,
        "name": people.name,
        "team": people.team,
        "manager_user_id": [user_ids[m] if m >= 0 else None for m in people.manager.tolist()],
        "mobile": [mobile(n) for n in range(1, len(people) + 1)],
        "email": [f"{user}@example.com" for user in user_ids],
        "hired_on": [first + timedelta(days=n) for n in people.hired.tolist()],
        "left_on": left,
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["employees"].column_types.items())))


def crm_users_table(people: People, days: Days, draws: Draws) -> pa.Table:
    """Reps and managers as the CRM knows them: the stream ``crm_users``.

    Most carry the employee number; some only the e-mail (in other letter case), some only the mobile (written in
    other ways).
    """
    manages = np.zeros(len(people), dtype=bool)
    manages[people.manager[people.manager >= 0]] = True
    users = np.flatnonzero(people.rep | manages)
    known = draws.pick({"number": 0.8, "email": 0.1, "mobile": 0.1}, len(users))
    numbers, ids = people.employee_no.to_pylist(), people.crm_user_id.to_pylist()
    modified = days.midnight[0] - draws.between(1, 700 * 24 * 60, len(users)) * MINUTE
    columns = {
        "crm_user_id": [ids[u] for u in users],
        "employee_no": [numbers[u] if k == _BY_NUMBER else None for u, k in zip(users, known, strict=True)],
        "name": [people.name[u] for u in users],
        "email": [f"U{u + 1:05d}@Example.com" if k == _BY_EMAIL else None for u, k in zip(users, known, strict=True)],
        "mobile": [f"+86 {mobile(int(u) + 1)}" if k == _BY_MOBILE else None for u, k in zip(users, known, strict=True)],
        "manager_id": [ids[people.manager[u]] if people.manager[u] >= 0 else None for u in users],
        "active": [True] * len(users),
        "modified_at": pa.array(modified * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["crm_users"].column_types.items())))

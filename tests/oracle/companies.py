"""Small weird companies from a seed: the days on which a rule is most easily wrong, at the second where it turns.

Ids start with the seed, so that many companies fit into one warehouse. All instants are Shanghai's wall clock.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from tests.oracle.section6 import ZONE, Company, Row

SINCE, UNTIL = date(2026, 9, 14), date(2026, 10, 14)
#: first days of activity: plain weeks, a make-up Sunday, the holidays and the make-up Saturday after them
BEGIN: Final = (
    *(date(2026, 9, d) for d in (15, 16, 17, 18, 21, 22, 29)),
    *(date(2026, 10, d) for d in (6, 7, 8, 9)),
)
#: activity keeps a day's distance from the window's ends, so that no night reaches over them
LAST: Final = date(2026, 10, 12)
HERE: Final = (31.2304, 121.4737)
METRE: Final = 1 / 111_195.08

COMING: Final = (
    "07:00:00", "08:29:59", "08:59:59", "09:00:00", "09:04:59", "09:05:00", "09:05:59", "09:06:00", "09:30:30",
    "10:00:59", "10:01:00", "11:59:30", "12:30:00", "13:05:00",
)  # fmt: skip
GOING: Final = (
    "08:59:00", "12:00:00", "12:45:10", "15:59:59", "17:00:00", "17:30:00", "17:59:00", "17:59:01", "18:00:00",
    "18:29:59", "18:30:00", "18:54:20", "19:00:59", "21:15:00", "23:59:59", "+00:10:00",
)  # fmt: skip
LEAVE: Final = (
    "00:00 +00:00", "09:00 18:00", "09:00 12:00", "13:00 18:00", "12:00 18:00", "08:00 09:30", "17:00 20:00",
    "10:00 11:00", "09:00 13:00", "12:00 13:00", "09:01 18:00", "09:00 17:59", "10:00 16:00", "11:00 19:00",
    "22:00 +02:00", "21:00 +07:00", "+04:00 +06:00", "00:00 +18:00", "16:30 17:30",
)  # fmt: skip
#: what the source compares with (start and end), and when people come and go
PLANNED: Final = (
    *[("22:00", "+06:00", ("21:58", "22:05:59", "22:06", "+00:30"), ("+05:59:30", "+06:02", "+04:00", "+06:40"))] * 4,
    *[("10:00", "16:00", ("06:30", "09:54", "10:00:30", "10:20"), ("15:50", "18:54", "19:10", "19:45"))] * 4,
    ("09:00", "18:00", COMING, GOING),
    ("08:30", "17:30", COMING[:8], GOING[2:11]),
    ("13:00", "22:00", COMING[5:], GOING[4:]),
    ("07:00", None, COMING[:8], GOING),
    (None, "15:00", COMING, GOING[:8]),
    (None, "08:00", COMING, GOING),
)
GAPS: Final = (0, 1, 15, 29, 30, 31, 45)
NEAR: Final = (0, 150, 299, 301, 390, 410, 900, 1_500, 60_000)
ACCURACY: Final = (None, 0.0, 20.0, 100.0, 5000.0, -1.0)
MORNING: Final = ("09:30", "10:00", "10:00", "10:30", "11:00")
#: minutes before the start, into or after the planned span
OFF: Final = (-121, -120, -119.5, -40, -1, 0, 5, 30, 60, 119.99, 120, 120.02, 150, 180, 300)


def instant(day: date, clock: str) -> datetime:
    """``09:00``, ``09:00:30``; ``+00:10`` is on the day after."""
    ahead = timedelta(days=clock.startswith("+"))
    return datetime.combine(day + ahead, time.fromisoformat(clock.removeprefix("+")), ZONE)


class Builder:
    """One company in the making."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.seed = f"{seed:04}"
        self.ids = itertools.count(1)
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("employees", "punches", "leave", "crm_users", "accounts", "visits")
        }

    def new_id(self, letter: str) -> str:
        return f"{letter}{self.seed}-{next(self.ids):05}"

    def company(self) -> Company:
        pick = self.random
        begin, length = pick.choice(BEGIN), pick.randint(3, 6)
        active = [day for n in range(length) if (day := begin + timedelta(days=n)) <= LAST]
        accounts = list(self.accounts())
        for _ in range(pick.randint(3, 8)):
            user_id = self.employee(active)
            visiting = pick.random() < 0.6
            for day in active:
                self.day(user_id, day)
                if visiting:
                    self.visits(user_id, day, accounts)
            for day in pick.sample(active, pick.choice([0, 1, 2, 3])):
                self.leave(user_id, day)
        pick.shuffle(self.rows["punches"])
        return Company(**self.rows)

    def accounts(self) -> Iterator[dict[str, Any]]:
        """Three close to one another, so that check-ins are contested; one nowhere; one at (0, 0)."""
        places: list[tuple[float | None, float | None]] = [(HERE[0] + m * METRE, HERE[1]) for m in (0, 200, 650)]
        places += [(None, None), (0.0, 0.0), (HERE[0], None)]
        for latitude, longitude in places:
            account = {"account_id": self.new_id("a"), "latitude": latitude, "longitude": longitude}
            account["radius_m"] = self.random.choice([None, None, None, 50.0, 1000.0])
            self.rows["accounts"].append(account)
            yield account

    def employee(self, active: list[date]) -> str:
        """A person with a CRM user; some hired or gone in the middle, some without a number."""
        pick, user_id = self.random, self.new_id("u")
        number = None if pick.random() < 0.1 else f"n{user_id}"
        employee: dict[str, Any] = {"user_id": user_id, "employee_no": number, "hired_on": None, "left_on": None}
        if pick.random() < 0.2:
            employee["hired_on"] = pick.choice(active)
        if pick.random() < 0.2:
            employee["left_on"] = max(pick.choice(active), employee["hired_on"] or active[0])
        self.rows["employees"].append(employee)
        self.rows["crm_users"].append({"crm_user_id": f"c{user_id}", "employee_no": number, "active": True})
        return user_id

    # --- punches
    def punch(self, user_id: str, kind: str, punched_at: datetime, **more: Any) -> None:
        names = ("latitude", "longitude", "accuracy_m", "work_date", "base_at")
        row = {"record_id": self.new_id("p"), "user_id": user_id, "kind": kind, "punched_at": punched_at}
        self.rows["punches"].append(row | dict.fromkeys(names) | more)

    def day(self, user_id: str, day: date) -> None:
        """The punches of one working day, in one of the ways that people have."""
        pick = self.random
        coming, going = instant(day, pick.choice(COMING)), instant(day, pick.choice(GOING))
        before = len(self.rows["punches"])
        match pick.randrange(16):
            case 0 | 1:
                pass
            case 2 | 3 | 4:
                self.punch(user_id, "in", coming)
                self.punch(user_id, "out", going, work_date=pick.choice([None, None, day]))
            case 5:
                self.punch(user_id, pick.choice(["in", "out", "field"]), pick.choice([coming, going]))
            case 6:
                for kind, when in (("in", coming), ("in", coming + timedelta(hours=2)), ("out", going)):
                    self.punch(user_id, kind, when)
            case 7:
                for _ in range(pick.randint(1, 4)):
                    self.punch(user_id, "field", instant(day, pick.choice(COMING + GOING)))
            case 8:
                self.chain(user_id, coming)
                self.chain(user_id, going)
            case 9:
                for clock in pick.sample(["00:00", "00:00:20", "23:59:45", "+00:00", "+00:00:15"], 3):
                    self.punch(user_id, pick.choice(["in", "out", "field"]), instant(day, clock))
            case 10 | 11 | 12 | 13 | 14:
                self.planned(user_id, day, *pick.choice(PLANNED))
            case 15:
                self.punch(user_id, "in", coming, work_date=day - timedelta(days=pick.choice([0, 30])))
                self.punch(user_id, "out", instant(day, "+01:30"), work_date=day)
        for punch in self.rows["punches"][before:]:
            if pick.random() < 0.15:
                again = {"kind": pick.choice([punch["kind"], "in", "out", "field"]), "work_date": punch["work_date"]}
                self.punch(user_id, punched_at=punch["punched_at"] + timedelta(seconds=pick.choice(GAPS)), **again)

    def chain(self, user_id: str, start: datetime) -> None:
        """Presses one after another, each about half a minute after the last."""
        for _ in range(self.random.randint(2, 5)):
            self.punch(user_id, self.random.choice(["in", "in", "out", "field"]), start)
            start += timedelta(seconds=self.random.choice(GAPS))

    def planned(self, user_id: str, day: date, start: str | None, end: str | None, come: Any, go: Any) -> None:
        """Punches of which the source says what it compares them with, and of some which day they are for."""
        pick = self.random
        stated = pick.choice([day, None])
        which = pick.choice(["both", "both", "both", "in", "out"])
        if which != "out":
            base = instant(day, start) if start else None
            self.punch(user_id, "in", instant(day, pick.choice(come)), base_at=base, work_date=stated)
        if which != "in":
            base = instant(day, end) if end else None
            self.punch(user_id, "out", instant(day, pick.choice(go)), base_at=base, work_date=stated)

    def leave(self, user_id: str, day: date) -> None:
        """One or two approvals, which may overlap or touch."""
        around_noon = ["09:00 12:00", "13:00 18:00"]
        some = self.random.choices(LEAVE, k=self.random.choice([1, 1, 2]))
        for text in around_noon if self.random.random() < 0.15 else some:
            start, end = (instant(day, clock) for clock in text.split())
            kind = self.random.choice(["leave", "leave", "trip", "out", "overtime"])
            row = {"approval_id": self.new_id("l"), "user_id": user_id, "kind": kind, "start_at": start, "end_at": end}
            self.rows["leave"].append(row)

    # --- visits
    def visits(self, user_id: str, day: date, accounts: list[dict[str, Any]]) -> None:
        """Up to three visits of a day and check-ins around them, fewer or more than there are visits."""
        pick = self.random
        crowded = pick.random() < 0.3
        for _ in range(pick.choice([2, 3, 4] if crowded else [0, 1, 2, 3])):
            account = pick.choice(accounts[:2] if crowded else [*accounts[:3] * 4, *accounts])
            start = instant(day, pick.choice(MORNING if crowded else [*MORNING, "00:10", "21:30", "23:40"]))
            end = start + timedelta(minutes=pick.choice([30, 60, 60, -30]))
            self.rows["visits"].append(
                {
                    "visit_id": self.new_id("v"),
                    "owner_id": f"c{user_id}" if pick.random() < 0.95 else "nobody",
                    "account_id": account["account_id"] if pick.random() < 0.95 else None,
                    "planned_start": start if pick.random() < 0.97 else None,
                    "planned_end": end if pick.random() < 0.85 else None,
                    "status": pick.choice(["planned", "planned", "done", "done", "cancelled"]),
                    "deleted": pick.random() < 0.07,
                }
            )
            for _ in range(pick.choice([0, 1, 1, 2])):
                off = pick.randint(-90, 90) if crowded else pick.choice(OFF)
                self.check_in(user_id, start + timedelta(minutes=off), account, NEAR[:4] if crowded else NEAR)

    def check_in(self, user_id: str, when: datetime, account: dict[str, Any], near: Sequence[int]) -> None:
        pick = self.random
        latitude, longitude = account["latitude"] or HERE[0], account["longitude"] or HERE[1]
        place = latitude + pick.choice(near) * METRE, longitude
        odd: list[tuple[float | None, float | None]] = [
            (None, None), (0.0, 0.0), (place[0], None), (place[1], place[0]), (HERE[0] + 20, HERE[1])
        ]  # fmt: skip
        place = pick.choice([place] * 20 + odd)
        days = [None] * 6 + [(when - timedelta(hours=hours)).date() for hours in (10, 24)]
        stated = {"work_date": pick.choice(days)}
        where = {"latitude": place[0], "longitude": place[1], "accuracy_m": pick.choice(ACCURACY)}
        self.punch(user_id, "field", when, **where, **stated)
        if pick.random() < 0.1:
            self.punch(user_id, "field", when + timedelta(seconds=pick.choice(GAPS)), **where, **stated)


def company(seed: int) -> Company:
    """The company of this seed."""
    return Builder(seed).company()


def earlier(final: Company, seed: int) -> Company:
    """What was known of a company some days before: rows are missing, others stand as they were before their edit."""
    pick = Random(-seed)
    missing, edited = pick.choice([(0.3, 0.4), (0.03, 0.03), (0.03, 0.03)])

    def before(row: Row, **edits: Any) -> dict[str, Any]:
        return dict(row) | dict([pick.choice(list(edits.items()))])

    def moved(row: Row, name: str, *hours: int) -> Any:
        return row[name] and row[name] + timedelta(hours=pick.choice(hours))

    def some(rows: Any, edit: Any) -> list[dict[str, Any]]:
        return [edit(row) if pick.random() < edited else row for row in rows if pick.random() > missing]

    def stamped(punch: dict[str, Any]) -> dict[str, Any]:
        kind = pick.choice([punch["kind"], "in", "out", "field"])
        edits = {"base_at": None, "work_date": None, "latitude": None}
        return before(punch, punched_at=moved(punch, "punched_at", -24, -1, 1), **edits) | {"kind": kind}

    return Company(
        employees=[
            before(e, hired_on=pick.choice(BEGIN), left_on=pick.choice(BEGIN)) if pick.random() < edited else e
            for e in final.employees
        ],
        crm_users=[before(u, employee_no=None) if pick.random() < edited else u for u in final.crm_users],
        accounts=[before(a, latitude=None, radius_m=100.0) if pick.random() < edited else a for a in final.accounts],
        punches=some(final.punches, stamped),
        leave=some(final.leave, lambda r: before(r, kind="overtime", start_at=r["start_at"] - timedelta(hours=30))),
        visits=some(
            final.visits,
            lambda v: before(v, planned_start=moved(v, "planned_start", -24, -1, 3), status="cancelled", deleted=True),
        ),
    )

"""The visit check of whole companies: every person's visits and check-ins, judged by the two files beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle import check_ins, visits
from tests.oracle.section6 import Company, Row, employed, local, once, person_of, working_day

Rows = dict[str, dict[str, Any]]


@dataclass
class Person:
    """One employee with the visits that are checked and the check-ins, near-duplicates once."""

    employee: Row
    accounts: dict[str, Row]
    visits: dict[str, Row]
    #: by working day, in the order of time
    by_day: dict[date, list[Row]]

    def fits(self) -> visits.Fits:
        every = [p for day in self.by_day.values() for p in day]
        return {n: [visits.fit(v, self.account(v), p) for p in every] for n, v in self.visits.items()}

    def account(self, visit: Row) -> Row | None:
        return self.accounts.get(visit["account_id"])


def person(company: Company, employee: Row) -> Person:
    numbers = {u["crm_user_id"]: u["employee_no"] for u in company.crm_users}
    checked = {
        v["visit_id"]: v
        for v in company.visits
        if employee["employee_no"]
        and numbers.get(v["owner_id"]) == employee["employee_no"]
        and v["status"] != "cancelled"
        and not v["deleted"]
        and v["planned_start"]
        and employed(employee, local(v["planned_start"]).date())
    }
    mine = [p for p in company.punches if p["user_id"] == employee["user_id"] and p["kind"] == "field"]
    days = {working_day(p) for p in mine}
    by_day = {day: once([p for p in mine if working_day(p) == day]) for day in days}
    return Person(employee, {a["account_id"]: a for a in company.accounts}, checked, by_day)


def judged(company: Company, days: Sequence[date], chosen: dict[str, str], known: Sequence[Row]) -> tuple[Rows, Rows]:
    """Visits by id, and check-ins that prove none by record id.

    ``chosen``: the proofs of the product, which only break ties; ``known``: the customers of the whole warehouse.
    """
    checks: Rows = {}
    unmatched: Rows = {}
    for employee in company.employees:
        who = person(company, employee)
        fits = who.fits()
        proven = visits.proofs(list(who.visits), fits, chosen)
        for name, visit in who.visits.items():
            if local(visit["planned_start"]).date() in days:
                checks[name] = _visit(who, name, fits, proven)
        located = {n: bool((a := who.account(v)) and visits.placed(a)) for n, v in who.visits.items()}
        for day, punches in who.by_day.items():
            if day not in days or not employed(employee, day):
                continue
            for punch in punches:
                if punch["record_id"] not in proven.values():
                    mine = {n: f for n, fs in fits.items() for f in fs if f.record_id == punch["record_id"]}
                    row = check_ins.unmatched(punch, mine, who.visits, located, known)
                    said = {"work_date": day, "signals": check_ins.signals(punch, punches)}
                    unmatched[punch["record_id"]] = {"employee_id": person_of(employee), **said, **row}
    return checks, unmatched


def _visit(who: Person, name: str, fits: visits.Fits, proven: dict[str, str]) -> dict[str, Any]:
    """One visit's row."""
    visit, account = who.visits[name], who.account(who.visits[name])
    every = {p["record_id"]: p for day in who.by_day.values() for p in day}
    free = every.keys() - set(proven.values())
    row = visits.verdict(visit, account, fits[name], proven.get(name), set(free))
    day = local(visit["planned_start"]).date()
    told = {"employee_id": person_of(who.employee), "work_date": day, "signals": [], **row}
    told |= {"stayed_minutes": None, "stayed_at_most_minutes": None}
    if row["record_id"]:
        punch = every[row["record_id"]]
        beside = who.by_day[working_day(punch)]
        told["signals"] = check_ins.signals(punch, beside)
        if row["verdict"] in ("verified", "off_schedule"):
            others = {record for v, record in proven.items() if v != name}
            told |= check_ins.stay({f.record_id: f for f in fits[name]}, row["record_id"], beside, others)
    return told | {"reason_code": _reason_code(row, visit, account, fits[name], every)}


def _reason_code(row: Row, visit: Row, account: Row | None, fits: Sequence[visits.Fit], every: dict[str, Row]) -> str:
    match row["verdict"]:
        case "verified":
            return "on_site"
        case "off_schedule":
            return "too_early" if every[row["record_id"]]["punched_at"] < visit["planned_start"] else "too_late"
        case "out_of_range":
            return "too_far"
        case "unverifiable" if account is not None and visits.placed(account):
            return str(check_ins.no_place(every[row["record_id"]]))
        case "unverifiable":
            return "customer_not_located"
    return "check_in_taken" if any(f.proves for f in fits) else "no_check_in"

"""A good row for every suite, and for every rule a row that breaks it.

``BAD`` maps a dataset to pairs (what is changed in the good row, the rules that this breaks, written without the
dataset). A rule that implies another is listed with it; rules about the whole table are tested apart.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

NOW = datetime(2026, 11, 8, tzinfo=UTC)
THEN = datetime(2026, 11, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
FUTURE = NOW + HOUR
FAR = NOW + timedelta(days=2000)
ANCIENT = datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC)
LONG = "x" * 256
#: A bell, a tab, a line end, a zero-width space, a mark of byte order, a no-break space, a blank before, one behind.
DIRTY = ("a\x07b", "a\tb", "a\n", "a\u200bb", "\ufeffa", "a\u00a0", " a", "a ")

PARAMETERS = {
    "min_rows": 0,
    "max_rows": 1_000_000,
    "latest_plausible": (NOW + timedelta(minutes=10)).isoformat(),
    "latest_planned": (NOW + timedelta(days=1100)).isoformat(),
    "latest_planned_day": (NOW + timedelta(days=1100)).date().isoformat(),
    "volume_warn_low": 0.5,
    "volume_warn_high": 2.0,
    "volume_stop_low": 0.1,
    "volume_stop_high": 10.0,
    "stale_days": 14,
}

Row = dict[str, Any]
Bad = list[tuple[Row, set[str]]]

_PLACE = {"latitude": 31.23, "longitude": 121.47}
_PERSON_DAY = {"employee_id": "E1", "work_date": date(2026, 11, 2), "status": "present", "rule_version": "2000-1"}

GOOD: dict[str, Row] = {
    "employees": {"user_id": "u", "employee_no": "001", "name": "n", "team": "t", "hired_on": date(2020, 1, 1)},
    "crm_users": {"crm_user_id": "c", "employee_no": "001", "active": True, "modified_at": THEN},
    "accounts": {"account_id": "a", "name": "n", "owner_id": "o", **_PLACE, "radius_m": 200.0, "modified_at": THEN},
    "punches": {"record_id": "r", "user_id": "u", "punched_at": THEN, "kind": "field", **_PLACE, "accuracy_m": 15.0},
    "leave": {"approval_id": "l", "user_id": "u", "kind": "leave", "start_at": THEN, "end_at": THEN + HOUR},
    "visits": {
        "visit_id": "v", "owner_id": "o", "account_id": "a", "planned_start": THEN, "planned_end": THEN + HOUR,
        "actual_start": THEN, "actual_end": THEN, "status": "done", "modified_at": THEN, "deleted": False,
    },
    "tasks": {
        "task_id": "t", "owner_id": "o", "account_id": "a", "due_on": date(2026, 11, 2), "completed_at": THEN,
        "status": "done", "modified_at": THEN, "deleted": False,
    },
    "opportunities": {
        "opportunity_id": "p", "owner_id": "o", "account_id": "a", "stage": "s", "amount": 1, "currency": "CNY",
        "created_at": THEN, "closed_on": date(2026, 11, 2), "is_won": True, "modified_at": THEN, "deleted": False,
    },
    "days": {
        "batch_id": 1, "system": "dingtalk", "stream": "punches", "day": date(2026, 11, 2), "rows": 100, "whole": True,
        "expected": True, "usual": 100.0, "share": 1.0,
    },
    "fields": {
        "batch_id": 1, "system": "dingtalk", "stream": "punches", "field": "call name", "mapped": True,
        "kinds": ["text"], "was": ["text"], "present": 5, "looked_at": 5, "longest": 3, "change": "same",
    },
    "attendance_day": _PERSON_DAY | {
        "shift_start": THEN, "shift_end": THEN + HOUR, "first_in": THEN, "last_out": THEN + HOUR,
        "punches": 2, "worked_minutes": 60, "late_minutes": 0, "early_minutes": 0, "overtime_minutes": 0,
        "leave_minutes": 120, "trip_minutes": 60, "planned_minutes": 480,
        "attended_minutes": 60, "missed_minutes": 300, "norm_minutes": 480, "calendar_kind": "workday",
        "hours_system": "standard",
    },
    "uncounted_punch": {
        "employee_id": "E1", "record_id": "r", "work_date": date(2026, 11, 2), "punched_at": THEN, "kind": "in",
        "reason": "after_leaving", "rule_version": "2000-1",
    },
    "visit_check": {
        "employee_id": "E1", "visit_id": "v", "work_date": date(2026, 11, 2), "record_id": "r", "checked_in_at": THEN,
        "minutes_off": 0,
        "distance_m": 12.0, "score": 0.9, "verdict": "verified", "reason_code": "on_site", "reason": "here",
        "signals": [], "stayed_minutes": 20, "stayed_at_most_minutes": 20, "rule_version": "2000-1",
    },
    "unmatched_check_in": {
        "employee_id": "E1", "record_id": "r", "work_date": date(2026, 11, 2), "checked_in_at": THEN, "account_id": "a",
        "distance_m": 12.0, "reason_code": "off_plan", "reason": "there", "signals": [], "rule_version": "2000-1",
    },
    "performance_day": _PERSON_DAY | {
        "worked_minutes": 60, "late_minutes": 0, "early_minutes": 0, "overtime_minutes": 0, "planned_days": 1,
        "planned_minutes": 480, "leave_minutes": 0, "leave_days": 0, "exposure_minutes": 480, "duty_minutes": 480,
        "duty_kept_minutes": 480, "visits_planned": 2, "visits_done": 1, "visits_verified": 1, "tasks_due": 2,
        "tasks_on_time": 1, "follow_ups": 0, "opportunities_created": 0, "opportunities_won": 0, "amount_won": 0,
        "performance_index": 50.0,
    },
}  # fmt: skip

#: Column that makes two copies of the good row two different records.
KEY = {
    "employees": "user_id", "crm_users": "crm_user_id", "accounts": "account_id", "punches": "record_id",
    "leave": "approval_id", "visits": "visit_id", "tasks": "task_id", "opportunities": "opportunity_id",
    "attendance_day": "employee_id", "visit_check": "visit_id", "unmatched_check_in": "record_id",
    "performance_day": "employee_id", "uncounted_punch": "record_id",
}  # fmt: skip


def _record(key: str) -> Bad:
    return [
        ({"parse_error": "amount is not a number"}, {"readable"}),
        ({key: None}, {"key_given"}),
        ({key: LONG}, {"key_length"}),
        ({key: ""}, {"key_length"}),
        *(({key: dirty}, {"key_clean"}) for dirty in DIRTY),
        ({key: "twin"}, {"key_once"}),
        ({key: "twin"}, {"key_once"}),
    ]


def _owner(column: str) -> Bad:
    return [
        ({column: None}, {"owner_given"}),
        ({column: LONG}, {"owner_length"}),
        *(({column: dirty}, {"owner_clean"}) for dirty in DIRTY),
        ({"owner_known": False}, {"owner_known"}),
    ]


_CONTACT: Bad = [
    ({"email": "no at.example.com"}, {"email_form"}),
    ({"email": "a@b"}, {"email_form"}),
    ({"mobile": "+8613900000000"}, {"mobile_form"}),
    ({"mobile": "0139"}, {"mobile_form"}),
]
_MANAGER: Bad = [({"manager_known": False}, {"manager_known"})]
_ACCOUNT: Bad = [({"account_known": False}, {"account_known"})]
_MODIFIED: Bad = [({"modified_at": None}, {"modified_given"}), ({"modified_at": FUTURE}, {"modified_not_future"})]
_STATUS: Bad = [({"status": None}, {"status_given"}), ({"status": "asleep"}, {"status_known"})]
_PLACES: Bad = [
    ({"latitude": 90.1}, {"latitude_in_range"}),
    ({"latitude": float("nan")}, {"latitude_in_range"}),
    ({"longitude": -180.1}, {"longitude_in_range"}),
    ({"longitude": float("inf")}, {"longitude_in_range"}),
    ({"longitude": None}, {"longitude_with_latitude"}),
    ({"latitude": 0.0, "longitude": 0.0}, {"not_null_island"}),
]


def _day(*pairs: tuple[Row, set[str]]) -> Bad:
    twin: Row = {"employee_id": "twin"}
    return [
        ({"employee_id": None}, {"person_given"}),
        ({"work_date": None}, {"day_given"}),
        (twin, {"key_once"}),
        (twin, {"key_once"}),
        ({"rule_version": None}, {"rule_version_given"}),
        *pairs,
    ]


def _minutes(*columns: str, **beyond: str) -> Bad:
    """Below 0 and above two days; ``beyond``: the rule that the latter breaks too, by column."""
    too_many = [({column: 2881}, {column, beyond.get(column, column)}) for column in columns]
    return [*(({column: -1}, {column}) for column in columns), *too_many]


def _negative(*columns: str) -> Bad:
    return [({column: -1}, {f"{column}_not_negative"}) for column in columns]


BAD: dict[str, Bad] = {
    "employees": [
        *_record("user_id"),
        ({"employee_no": LONG}, {"number_length"}),
        ({"employee_no": "001 "}, {"number_clean"}),
        ({"number_kept": False}, {"number_kept"}),
        ({"hired_on": date(1949, 12, 31)}, {"hired_plausible"}),
        ({"hired_on": FAR.date()}, {"hired_plausible"}),
        ({"hired_on": None, "left_on": date(1949, 12, 31)}, {"left_plausible"}),
        ({"left_on": FAR.date()}, {"left_plausible"}),
        *_CONTACT,
        *_MANAGER,
        ({"employee_no": "007"}, {"number_once"}),
        ({"employee_no": "007"}, {"number_once"}),
        ({"left_on": date(2019, 12, 31)}, {"left_after_hired"}),
        ({"name": None}, {"name_given"}),
        ({"team": None}, {"team_given"}),
    ],
    "crm_users": [
        *_record("crm_user_id"),
        *_MODIFIED,
        ({"employee_no": "007"}, {"number_once"}),
        ({"employee_no": "007"}, {"number_once"}),
        ({"employee_no": "001 "}, {"number_clean"}),
        ({"active": None}, {"active_given"}),
        ({"person_linked": False}, {"person_linked"}),
        *_CONTACT,
        *_MANAGER,
    ],
    "accounts": [
        *_record("account_id"),
        *_MODIFIED,
        *_PLACES,
        ({"latitude": None}, {"latitude_with_longitude", "placed"}),
        ({"latitude": None, "longitude": None}, {"placed"}),
        ({"name": None}, {"name_given"}),
        ({"radius_m": 0.0}, {"radius_positive"}),
        ({"radius_m": 50_001.0}, {"radius_plausible"}),
        ({"owner_id": None}, {"owner_given"}),
        ({"owner_known": False}, {"owner_known"}),
    ],
    "punches": [
        *_record("record_id"),
        *_owner("user_id"),
        *_PLACES,
        ({"latitude": None}, {"latitude_with_longitude"}),
        ({"kind": None}, {"kind_given"}),
        ({"kind": "sideways"}, {"kind_known"}),
        ({"punched_at": None}, {"time_given"}),
        ({"punched_at": ANCIENT}, {"time_plausible"}),
        ({"punched_at": FUTURE}, {"time_not_future"}),
        ({"accuracy_m": -1.0}, {"accuracy_not_negative"}),
        ({"accuracy_m": 5000.0}, {"accuracy_usable"}),
        ({"modified_at": FUTURE}, {"modified_not_future"}),
        ({"day_agrees": False}, {"day_agrees"}),
    ],
    "leave": [
        *_record("approval_id"),
        *_owner("user_id"),
        ({"kind": None}, {"kind_given"}),
        ({"kind": "nap"}, {"kind_known"}),
        ({"start_at": None}, {"start_given"}),
        ({"end_at": None}, {"end_given"}),
        ({"end_at": THEN}, {"end_after_start"}),
        ({"start_at": ANCIENT, "end_at": ANCIENT + HOUR}, {"start_plausible"}),
        ({"end_at": FAR}, {"end_plausible", "not_too_long"}),
        ({"end_at": THEN + timedelta(days=367)}, {"not_too_long"}),
        ({"end_at": THEN + timedelta(hours=25), "kind": "overtime"}, {"overtime_not_too_long"}),
        ({"end_at": THEN + timedelta(hours=25), "kind": "trip"}, set()),
    ],
    "visits": [
        *_record("visit_id"),
        *_owner("owner_id"),
        *_ACCOUNT,
        *_STATUS,
        *_MODIFIED,
        ({"account_id": None}, {"account_given"}),
        ({"planned_start": None}, {"planned_start_given"}),
        ({"planned_end": None}, {"planned_end_given"}),
        ({"planned_start": ANCIENT, "planned_end": ANCIENT + HOUR}, {"planned_plausible"}),
        ({"planned_start": FAR, "planned_end": FAR + HOUR}, {"planned_plausible"}),
        ({"planned_end": THEN - HOUR}, {"planned_in_order", "planned_not_empty"}),
        ({"planned_end": THEN - HOUR, "deleted": None}, {"planned_in_order", "planned_not_empty"}),
        ({"planned_end": THEN}, {"planned_not_empty"}),
        ({"actual_end": THEN - HOUR}, {"actual_in_order"}),
        ({"planned_end": THEN + timedelta(hours=25)}, {"planned_not_too_long"}),
        ({"actual_end": THEN + timedelta(hours=25)}, {"actual_not_too_long"}),
        ({"actual_start": FUTURE, "actual_end": None}, {"actual_not_future"}),
        # a deletion must go through, whatever times the record last had
        ({"planned_end": THEN - HOUR, "actual_end": THEN - HOUR, "deleted": True}, set()),
    ],
    "tasks": [
        *_record("task_id"),
        *_owner("owner_id"),
        *_ACCOUNT,
        *_STATUS,
        *_MODIFIED,
        ({"due_on": None}, {"due_given"}),
        ({"due_on": date(2099, 12, 31)}, {"due_plausible"}),
        ({"completed_at": None}, {"done_has_time"}),
        ({"completed_at": None, "status": "open"}, set()),
        ({"completed_at": FUTURE}, {"completed_not_future"}),
    ],
    "opportunities": [
        *_record("opportunity_id"),
        *_owner("owner_id"),
        *_ACCOUNT,
        *_MODIFIED,
        ({"stage": None}, {"stage_given"}),
        ({"amount": -1}, {"amount_not_negative"}),
        ({"currency": None}, {"currency_with_amount"}),
        ({"currency": None, "amount": None}, set()),
        ({"currency": "¥"}, {"currency_code"}),
        ({"currency": "ABC"}, {"currency_code"}),
        ({"amount": 10**12 + 1}, {"amount_plausible"}),
        ({"closed_on": date(2009, 12, 31)}, {"closed_plausible"}),
        ({"closed_on": FAR.date()}, {"closed_plausible"}),
        ({"created_at": FUTURE}, {"created_not_future"}),
        ({"closed_on": None}, {"won_has_day"}),
        ({"closed_on": None, "is_won": False}, set()),
    ],
    "days": [
        ({"rows": 0, "share": None}, {"not_empty"}),
        ({"rows": 0, "share": None, "expected": False}, set()),
        ({"rows": 49, "share": 0.49}, {"usual"}),
        ({"rows": 201, "share": 2.01}, {"usual"}),
        ({"rows": 9, "share": 0.09}, {"usual", "plausible"}),
        ({"rows": 1001, "share": 10.01}, {"usual", "plausible"}),
        ({"rows": 9, "share": 0.09, "stream": "visits"}, {"usual"}),
        ({"stream": "visits", "stale_days": 14.1}, {"fresh"}),
        ({"stream": "accounts", "stale_days": 14.1}, set()),
    ],
    "fields": [
        ({"change": word}, rules)
        for word, rules in {
            "missing": {"missing"},
            "retyped": {"retyped"},
            "gone": {"gone"},
            "new": {"new"},
            "changed": {"new"},
            "longer": {"longer"},
        }.items()
    ],
    "attendance_day": _day(
        *_STATUS,
        *_minutes(
            "worked_minutes",
            "late_minutes",
            "early_minutes",
            "overtime_minutes",
            "norm_minutes",
            worked_minutes="worked_within_span",
            late_minutes="late_early_within_shift",
            early_minutes="late_early_within_shift",
        ),
        ({"leave_minutes": -1, "trip_minutes": 0}, {"leave_minutes", "trip_within_leave"}),
        ({"leave_minutes": 2881}, {"leave_minutes", "leave_within_planned"}),
        (
            {"planned_minutes": -1, "leave_minutes": None, "attended_minutes": None, "missed_minutes": None},
            {"planned_minutes"},
        ),
        ({"planned_minutes": 2881}, {"planned_minutes"}),
        ({"trip_minutes": -1}, {"trip_minutes"}),
        ({"trip_minutes": 2881}, {"trip_minutes", "trip_within_leave"}),
        ({"trip_minutes": 121}, {"trip_within_leave"}),
        ({"attended_minutes": -1}, {"attended_minutes"}),
        ({"attended_minutes": 2881}, {"attended_minutes", "attended_within_planned"}),
        ({"attended_minutes": 481}, {"attended_within_planned"}),
        ({"missed_minutes": -1}, {"missed_minutes"}),
        ({"missed_minutes": 2881}, {"missed_minutes", "missed_within_planned"}),
        ({"missed_minutes": 481}, {"missed_within_planned"}),
        ({"attended_minutes": None, "missed_minutes": None}, set()),
        *_negative("punches"),
        ({"last_out": THEN}, {"out_after_in", "worked_within_span"}),
        ({"last_out": THEN + timedelta(hours=25)}, {"span_plausible"}),
        ({"worked_minutes": 61}, {"worked_within_span"}),
        ({"late_minutes": 31, "early_minutes": 30}, {"late_early_within_shift"}),
        ({"leave_minutes": 481}, {"leave_within_planned"}),
        ({"last_out": None}, {"worked_has_out"}),
        ({"status": "absent"}, {"absent_has_no_punch"}),
        ({"calendar_kind": None}, {"calendar_kind_given"}),
        ({"calendar_kind": "feast"}, {"calendar_kind_known"}),
        ({"hours_system": None}, {"hours_system_given"}),
        ({"hours_system": "easy"}, {"hours_system_known"}),
        ({"hours_system": "comprehensive"}, {"comprehensive_has_settlement"}),
        ({"hours_system": "comprehensive", "settlement": "month", "overtime_minutes": 1}, {"overtime_is_standard"}),
        ({"hours_system": "irregular", "late_minutes": 1}, {"irregular_not_late"}),
        ({"hours_system": "irregular", "early_minutes": 1}, {"irregular_not_early"}),
    ),
    "uncounted_punch": [
        ({"employee_id": None}, {"person_given"}),
        ({"record_id": None}, {"punch_given"}),
        ({"record_id": "twin"}, {"key_once"}),
        ({"record_id": "twin"}, {"key_once"}),
        ({"work_date": None}, {"day_given"}),
        ({"punched_at": None}, {"time_given"}),
        ({"kind": "perhaps"}, {"kind_known"}),
        ({"reason": None}, {"reason_given"}),
        ({"reason": "perhaps"}, {"reason_known"}),
        ({"rule_version": None}, {"rule_version_given"}),
    ],
    "visit_check": [
        ({"employee_id": None}, {"person_given"}),
        ({"visit_id": None}, {"visit_given"}),
        ({"work_date": None}, {"day_given"}),
        ({"visit_id": "twin"}, {"key_once"}),
        ({"visit_id": "twin"}, {"key_once"}),
        ({"verdict": None}, {"verdict_given"}),
        ({"verdict": "perhaps"}, {"verdict_known"}),
        ({"reason": None}, {"reason_given"}),
        ({"reason_code": None}, {"reason_code_given"}),
        ({"reason_code": "why"}, {"reason_code_known", "verified_on_site"}),
        ({"reason_code": "too_far"}, {"verified_on_site"}),
        ({"signals": None}, {"signals_given"}),
        ({"record_id": None}, {"verified_has_check_in"}),
        ({"distance_m": None}, {"verified_has_distance"}),
        ({"checked_in_at": None}, {"check_in_has_time"}),
        ({"verdict": "no_check_in"}, {"none_names_no_check_in"}),
        ({"record_id": "shared"}, {"check_in_once"}),
        ({"record_id": "shared"}, {"check_in_once"}),
        ({"record_id": "shared", "verdict": "out_of_range"}, set()),
        ({"score": 1.1}, {"score"}),
        *_negative("distance_m", "minutes_off", "stayed_minutes"),
        ({"stayed_at_most_minutes": 19}, {"stay_within_bounds"}),
        ({"rule_version": None}, {"rule_version_given"}),
    ],
    "unmatched_check_in": [
        ({"employee_id": None}, {"person_given"}),
        ({"work_date": None}, {"day_given"}),
        ({"record_id": None}, {"check_in_given"}),
        ({"record_id": "twin"}, {"key_once"}),
        ({"record_id": "twin"}, {"key_once"}),
        ({"checked_in_at": None}, {"time_given"}),
        ({"reason_code": None}, {"reason_code_given"}),
        ({"reason_code": "why"}, {"reason_code_known"}),
        ({"reason": None}, {"reason_given"}),
        ({"signals": None}, {"signals_given"}),
        ({"account_id": None, "distance_m": None}, {"off_plan_names_customer"}),
        ({"distance_m": None}, {"customer_has_distance"}),
        *_negative("distance_m"),
        ({"rule_version": None}, {"rule_version_given"}),
    ],
    "performance_day": _day(
        ({"manager_employee_id": ""}, {"manager_length"}),
        *_STATUS,
        *_minutes("worked_minutes", "late_minutes", "early_minutes", "overtime_minutes", "exposure_minutes"),
        *[
            ({f"{name}_minutes": 3000, f"{part}_minutes": wrong}, {f"{name}_minutes", f"{part}_minutes"})
            for name, part in (("planned", "leave"), ("duty", "duty_kept"))
            for wrong in (-1, 2881)
        ],
        ({"planned_days": 2}, {"planned_days"}),
        ({"leave_days": Decimal("1.0001")}, {"leave_days"}),
        ({"leave_minutes": 481}, {"leave_within_planned"}),
        ({"duty_kept_minutes": 481}, {"kept_within_duty"}),
        *_negative("visits_done", "visits_verified", "tasks_on_time", "follow_ups"),
        *_negative("opportunities_created", "opportunities_won"),
        (
            {"visits_planned": -1, "visits_done": -1, "visits_verified": -1},
            {"visits_planned_not_negative", "visits_done_not_negative", "visits_verified_not_negative"},
        ),
        ({"tasks_due": -1, "tasks_on_time": -1}, {"tasks_due_not_negative", "tasks_on_time_not_negative"}),
        ({"visits_done": 3}, {"done_within_planned"}),
        ({"visits_verified": 3}, {"verified_within_planned"}),
        ({"tasks_on_time": 3}, {"on_time_within_due"}),
        ({"amount_won": -1}, {"amount_not_negative"}),
        ({"performance_index": 100.1}, {"index_in_range"}),
    ),
}

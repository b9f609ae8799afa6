"""``[[hours]]``: which hours system (工时制) holds for whom.

- ``standard`` (标准工时制): late, early, absence and overtime are judged day by day.
- ``comprehensive`` (综合计算工时制): overtime is what is worked beyond the plan of a settlement period.
- ``irregular`` (不定时工作制): no late, early, overtime, nor absence for missing hours.

Sources: Labour Law (劳动法) articles 36, 39 and 44; 劳部发〔1994〕503号 articles 4 and 5; 劳部发〔1995〕309号
article 62; 人社部发〔2025〕2号 for the hours of a period (its working days times eight).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from .entries import DATES, Row, choose, dated, holder, measure, read_list, refuse_unknown

_KEYS: Final = DATES | {"scope", "subject", "system", "settlement", "plan", "day_minutes"}
SYSTEMS: Final = ("standard", "comprehensive", "irregular")
SETTLEMENTS: Final = ("week", "month", "quarter", "year")
#: Eight hours: 劳动法, article 36.
DAY_MINUTES: Final = 480


def read(settings: Settings) -> list[Row]:
    """Rows of ``ref.hours``; where none holds it is the standard system. Raises ConfigError that names the entry."""
    return dated("hours", [_hours(entry) for entry in read_list(settings, "hours")], ("scope", "subject"))


def _hours(entry: Mapping[str, Any]) -> Row:
    where = f"[[hours]] {entry.get('scope')!r} {entry.get('subject')!r}"
    refuse_unknown(entry, _KEYS, where)
    system = choose(entry, "system", SYSTEMS, where)
    comprehensive = system == "comprehensive"
    if not comprehensive and {"settlement", "plan", "day_minutes"} & entry.keys():
        raise ConfigError(
            f"{where}: only comprehensive hours are settled over a period.",
            todo="Leave out settlement, plan and day_minutes.",
        )
    plan = choose(entry, "plan", ("calendar", "roster"), where, "calendar") if comprehensive else None
    if plan == "roster" and "day_minutes" in entry:
        raise ConfigError(f"{where}: the roster says how long a day is.", todo="Leave out day_minutes.")
    return {
        **holder(entry, where),
        "system": system,
        "settlement": choose(entry, "settlement", SETTLEMENTS, where) if comprehensive else None,
        "plan": plan,
        "day_minutes": measure(entry, "day_minutes", int, where, DAY_MINUTES) if plan == "calendar" else None,
    }

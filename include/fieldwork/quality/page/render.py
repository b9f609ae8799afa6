"""The page as one self-contained HTML file: style inside, charts as SVG, no script. The only place that makes HTML.

Everything goes through Jinja's autoescaping; nothing is ever marked as safe. The policy in the page (and in the header
of whoever serves it) lets nothing run and nothing be fetched, so that even a mistake here stays harmless.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from . import charts
from .facts import Facts

if TYPE_CHECKING:
    import jinja2

#: Outcomes of rows, in the order of their bars, with what people call them.
OUTCOMES: Final = (
    ("loaded", "new or changed", "新增或变更"),
    ("unchanged", "unchanged", "未变"),
    ("quarantined", "set aside", "隔离"),
    ("duplicate", "duplicate", "重复"),
    ("out_of_scope", "none of ours", "范围外"),
)
#: What the CRM was told, with what people call it: the first of a rehearsal alone, the second of all other runs.
WRITTEN: Final = (
    ("would send", "将发送", "to_send"),
    ("sent", "已发送", "sent"),
    ("accepted", "接受", "accepted"),
    ("rejected", "拒绝", "rejected"),
    ("conflicts", "冲突", "conflicts"),
    ("waiting", "等待", "waiting"),
    ("unchanged", "未变", "unchanged"),
)
#: What an endpoint was told.
TOLD: Final = (
    ("events", "事件", "events"),
    ("delivered", "送达", "delivered"),
    ("dead letters", "死信", "dead"),
    ("waiting", "等待", "waiting"),
)
#: Colours of the parts of the days; what is not named is grey.
KINDS: Final = {
    "present": "good", "verified": "good",
    "late": "warn", "early": "warn", "incomplete": "warn", "off_schedule": "warn",
    "absent": "bad", "no_check_in": "bad", "out_of_range": "bad", "leave": "calm", "unverifiable": "calm",
}  # fmt: skip


def page(facts: Facts, zone: ZoneInfo) -> str:
    """The whole page; instants in ``zone``."""
    return _template().render(
        facts=facts, zone=zone, charts=charts, outcomes=OUTCOMES, kinds=KINDS, version=version("fieldwork"), told=TOLD,
        written=[one for one in WRITTEN if one[2] != ("sent" if facts.run["dry_run"] else "to_send")],
        style=_style(), policy=policy(),
    )  # fmt: skip


def policy() -> str:
    """The Content-Security-Policy of the page: its own style, by hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    """The style sheet; without quotes and angle brackets, so that escaping leaves it, and its hash, as it is."""
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    import jinja2  # a tenth of a second that only this page needs

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"n": _number, "took": _took, "percent": _percent}
    return environment.from_string(files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8"))


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _took(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"

"""The table of streams: what kinds of record there are, their canonical columns, keys and cursors.

A connector yields exactly these columns (instants in UTC, coordinates in WGS-84, unknown = null) and may add the
two columns of :data:`REMARKS`; the sandbox reads the same columns from CSV; ``core`` holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import pyarrow as pa

from fieldwork.errors import ConfigError

Side = Literal["attendance", "crm"]
#: full: read whole and compared; window: asked by event time; modified: asked by the source's modified stamp.
Cursor = Literal["full", "window", "modified"]

TEXT: Final = pa.string()
INSTANT: Final = pa.timestamp("us", tz="UTC")
DAY: Final = pa.date32()
NUMBER: Final = pa.float64()
#: money as text on its way, numeric(18, 2) in the warehouse: no binary fractions in between
MONEY: Final = pa.decimal128(18, 2)
FLAG: Final = pa.bool_()


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span ``[start, end)`` of aware instants; ``start`` None = from the beginning."""

    start: datetime | None
    end: datetime

    def __post_init__(self) -> None:
        if self.end.tzinfo is None or (self.start is not None and self.start.tzinfo is None):
            raise ConfigError("A window needs instants with an offset.", todo="Pass time-zone aware datetimes.")
        if self.start is not None and self.start > self.end:
            raise ConfigError(
                f"The window {self.start:%F %T%z} to {self.end:%F %T%z} ends before it starts.",
                todo="Swap since and until.",
            )


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record.

    ``key`` names it within its system; ``person`` is the column that holds the owner's user id in that system
    (None: the record belongs to nobody); ``column_types`` is ordered and complete.
    """

    name: str
    side: Side
    key: str
    cursor: Cursor
    person: str | None
    column_types: dict[str, pa.DataType]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.column_types)

    @property
    def schema(self) -> pa.Schema:
        """What a connector's batches look like: the canonical columns, then :data:`REMARKS`."""
        return pa.schema([*self.column_types.items(), *REMARKS.items()])


#: Columns that a connector may fill beside the canonical ones.
#: ``parse_error``: why a cell could not be typed (names the column, never the value): the row goes to quarantine.
#: ``out_of_scope``: why the row is none of ours (e.g. an invalid punch): counted, not loaded.
REMARKS: Final[dict[str, pa.DataType]] = {"parse_error": TEXT, "out_of_scope": TEXT}


def _stream(
    stream_name: str, side: Side, key: str, cursor: Cursor, person: str | None, /, **types: pa.DataType
) -> tuple[str, Stream]:
    return stream_name, Stream(stream_name, side, key, cursor, person, types)


#: In the order of loading: people before what they did, accounts before visits.
STREAMS: Final[dict[str, Stream]] = dict(
    [
        _stream(
            "employees",
            "attendance",
            "user_id",
            "full",
            "user_id",
            user_id=TEXT,
            employee_no=TEXT,
            name=TEXT,
            team=TEXT,
            manager_user_id=TEXT,
            mobile=TEXT,
            email=TEXT,
            hired_on=DAY,
            left_on=DAY,
        ),
        _stream(
            "crm_users",
            "crm",
            "crm_user_id",
            "modified",
            "crm_user_id",
            crm_user_id=TEXT,
            employee_no=TEXT,
            name=TEXT,
            email=TEXT,
            mobile=TEXT,
            manager_id=TEXT,
            active=FLAG,
            modified_at=INSTANT,
        ),
        _stream(
            "accounts",
            "crm",
            "account_id",
            "modified",
            None,
            account_id=TEXT,
            name=TEXT,
            owner_id=TEXT,
            latitude=NUMBER,
            longitude=NUMBER,
            radius_m=NUMBER,
            modified_at=INSTANT,
        ),
        _stream(
            "punches",
            "attendance",
            "record_id",
            "window",
            "user_id",
            record_id=TEXT,
            user_id=TEXT,
            punched_at=INSTANT,
            kind=TEXT,
            latitude=NUMBER,
            longitude=NUMBER,
            accuracy_m=NUMBER,
            place=TEXT,
            device_id=TEXT,
            work_date=DAY,
            base_at=INSTANT,
            modified_at=INSTANT,
        ),
        _stream(
            "leave",
            "attendance",
            "approval_id",
            "window",
            "user_id",
            approval_id=TEXT,
            user_id=TEXT,
            kind=TEXT,
            start_at=INSTANT,
            end_at=INSTANT,
        ),
        _stream(
            "visits",
            "crm",
            "visit_id",
            "modified",
            "owner_id",
            visit_id=TEXT,
            owner_id=TEXT,
            account_id=TEXT,
            planned_start=INSTANT,
            planned_end=INSTANT,
            actual_start=INSTANT,
            actual_end=INSTANT,
            status=TEXT,
            modified_at=INSTANT,
            deleted=FLAG,
        ),
        _stream(
            "tasks",
            "crm",
            "task_id",
            "modified",
            "owner_id",
            task_id=TEXT,
            owner_id=TEXT,
            account_id=TEXT,
            due_on=DAY,
            completed_at=INSTANT,
            status=TEXT,
            modified_at=INSTANT,
            deleted=FLAG,
        ),
        _stream(
            "opportunities",
            "crm",
            "opportunity_id",
            "modified",
            "owner_id",
            opportunity_id=TEXT,
            owner_id=TEXT,
            account_id=TEXT,
            stage=TEXT,
            amount=MONEY,
            currency=TEXT,
            created_at=INSTANT,
            closed_on=DAY,
            is_won=FLAG,
            modified_at=INSTANT,
            deleted=FLAG,
        ),
    ]
)


def stream(name: str) -> Stream:
    """The stream of this name; raises ConfigError that lists the names."""
    try:
        return STREAMS[name]
    except KeyError:
        raise ConfigError(f"There is no stream {name!r}.", todo=f"Choose among: {', '.join(STREAMS)}.") from None


#: The column whose day a record is counted under, where it has one.
DAY_COLUMN: Final[dict[str, str]] = {
    "punches": "punched_at",
    "leave": "start_at",
    "visits": "planned_start",
    "tasks": "due_on",
    "opportunities": "created_at",
}
#: What can be summed up of a stream: an amount, or the whole minutes between two instants.
MEASURE: Final[dict[str, tuple[str, ...]]] = {
    "leave": ("start_at", "end_at"),
    "visits": ("planned_start", "planned_end"),
    "opportunities": ("amount",),
}
#: What a source tells of a record when it is only asked which there are (not a stream of a system: never loaded).
KEYS: Final = Stream(
    "keys",
    "attendance",
    "key",
    "full",
    None,
    {"key": TEXT, "day": DAY, "modified_at": INSTANT, "person": TEXT, "measure": MONEY, "deleted": FLAG},
)

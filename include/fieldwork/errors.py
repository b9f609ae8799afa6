"""Two families of failure, and the kinds in each.

A :class:`TransientError` may go away by itself, so the step is tried again; a :class:`PermanentError` will not, so
it stops at once. Every error says three things: a ``code`` that stays the same over versions, what happened, and
what to do next. No text here may carry a name, a phone, a coordinate or a secret.
"""

from __future__ import annotations


class FieldworkError(Exception):
    """What happened and what to do about it; ``code`` is the class name."""

    def __init__(self, happened: str, *, todo: str) -> None:
        super().__init__(happened)
        self.happened = happened
        self.todo = todo

    @property
    def code(self) -> str:
        return type(self).__name__

    def __str__(self) -> str:
        return f"[{self.code}] {self.happened} What to do: {self.todo}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.happened, self.todo)


def _rebuild(kind: type[FieldworkError], happened: str, todo: str) -> FieldworkError:
    return kind(happened, todo=todo)


class PermanentError(FieldworkError):
    """Trying again changes nothing; a person must act."""


class TransientError(FieldworkError):
    """Trying again later may work."""


# --- settings and use
class ConfigError(PermanentError):
    """A setting, a config file or an argument is wrong."""


class CalendarYearUnknown(PermanentError):
    """No decree is known for a calendar year, or the two sources of it disagree."""


# --- outside systems
class SourceUnavailable(TransientError):
    """The system did not answer, answered 5xx, or is busy."""


class RateLimited(TransientError):
    """The system asked us to slow down for longer than we are ready to wait inside a task."""


class AuthFailed(PermanentError):
    """Credentials were refused, also after one refresh."""


class QuotaExhausted(PermanentError):
    """The day's or month's calls are used up; it is no use to try again today."""


class RequestRefused(PermanentError):
    """The system understood the request and said no (bad parameter, no permission)."""


class BadResponse(TransientError):
    """The body was cut, was not what its type says, or did not hold what the system's contract promises."""


class PayloadTooLarge(PermanentError):
    """A body is larger, deeper or more compressed than any honest answer."""


class CursorLoop(PermanentError):
    """Paging came back to a page already read, or never ended."""


class TruncatedRead(TransientError):
    """The system's own count differs from the rows that it gave."""


# --- the warehouse and the run
class WarehouseUnavailable(TransientError):
    """PostgreSQL cannot be reached or cut the connection."""


class SchemaOutdated(PermanentError):
    """The warehouse's schema and this version of Fieldwork do not fit."""


class StagingLost(TransientError):
    """The staged rows of a batch are gone or fewer than were written; the batch is extracted again."""


class CountMismatch(PermanentError):
    """Outcomes do not add up to the rows extracted; nothing was committed."""


class Fenced(PermanentError):
    """Another run moved this stream's watermark, or holds the run lock; this one changed nothing."""


class EmptyStream(PermanentError):
    """A stream that should have rows had none."""


# --- checks
class BatchRuleFailed(PermanentError):
    """A critical rule about a whole batch failed; staged rows are kept, nothing was loaded."""


class TooManyBadRows(PermanentError):
    """More rows of a batch are bad than a source's noise explains; staged rows are kept, nothing was loaded."""


class CheckCouldNotRun(TransientError):
    """A check raised instead of judging, because of the server: says nothing about the data."""


class SuiteUnfit(PermanentError):
    """A rule asks for a column, type or pattern that cannot be: says nothing about the data, and stays so."""


class AuditFailed(PermanentError):
    """The joined rows broke a critical rule; nothing was published."""


class NotReconciled(PermanentError):
    """A source has records that the warehouse lacks, or the other way round; each is named in the findings."""


# --- writing back
class CrmRejected(PermanentError):
    """The CRM refused a whole request of the write-back; ``crm_code`` and ``crm_message`` are its own words.

    They belong into a receipt and nowhere else: a message may repeat what was sent.
    """

    def __init__(self, happened: str, *, todo: str, crm_code: str = "UNKNOWN", crm_message: str | None = None) -> None:
        super().__init__(happened, todo=todo)
        self.crm_code = crm_code
        self.crm_message = crm_message


class ApiShareUsed(PermanentError):
    """The calls to the CRM that write-back may make today are made; what is left waits for the next run."""


class MassChange(PermanentError):
    """More of the CRM's records would change at once than a day explains; nothing was sent."""


# --- Airflow
class DagFailed(PermanentError):
    """A DAG that was run in one go did not succeed."""

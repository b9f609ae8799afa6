"""One batch to the CRM: called, answered, noted; halved down to the row when it is refused as a whole.

A call that failed for now may have been executed: what the CRM holds is read back before anything is sent again, and
what a person changed in the meantime is not overwritten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from fieldwork.connectors.base import RowResult
from fieldwork.errors import ApiShareUsed, BadResponse, CrmRejected, RateLimited, TransientError
from fieldwork.failpoint import reached

from . import outbox
from .shift import Shift

#: So many parts of a batch refused and none taken (five halvings): it is the request that the CRM refuses, not a row.
HOPELESS: Final = 31


@dataclass(frozen=True, slots=True)
class Part:
    """Changes that go out in one call, and the rows that the target takes for them, in the same order."""

    ids: Sequence[int]
    rows: pa.Table
    deletes: bool

    def cut(self, size: int) -> list[Part]:
        """The same in parts of this size."""
        return [
            Part(self.ids[first : first + size], self.rows.slice(first, size), self.deletes)
            for first in range(0, len(self.ids), size)
        ]


def part(shift: Shift, ids: Sequence[int], *, deletes: bool) -> Part:
    """These changes, read from the outbox."""
    with shift.engine.connect() as connection:
        return Part(ids, outbox.to_send(connection, shift.kind, ids, deletes=deletes), deletes)


def deliver(shift: Shift, batch: Part) -> None:
    """Send these changes, which have been handed over, and note the answers.

    Raises the target's typed error when the call failed for good, or too often, and lets no other batch begin; what has
    no receipt then stays handed over, and the next run reads it back.
    """
    try:
        _with_patience(shift, batch)
    except BaseException as error:
        shift.give_up(error)
        raise


def _with_patience(shift: Shift, batch: Part) -> None:
    tried, in_doubt = 1, False
    while not shift.stop.is_set():
        try:
            if tried > 1:
                left = _what_is_left(shift, batch, read_back=in_doubt)
                if not left:
                    return
                batch = part(shift, left, deletes=batch.deletes)
            _in_parts(shift, batch)
            return
        except TransientError as error:
            in_doubt = in_doubt or not isinstance(error, RateLimited)
            if tried >= shift.patience.tries or shift.stop.is_set():
                raise
        shift.patience.wait(tried)
        tried += 1


def _in_parts(shift: Shift, batch: Part) -> None:
    """The batch as one call; refused whole, its halves, and so on, until the rows are found that the CRM refuses the
    request for. All parts of one size come before smaller ones, so that a clean half speaks early.
    """
    parts, refused, taken = deque([batch]), 0, 0
    while parts:
        one = parts.popleft()
        try:
            _one_call(shift, one)
            taken += 1
        except ApiShareUsed:
            with shift.engine.begin() as connection:
                outbox.release(connection, [outbox_id for rest in (one, *parts) for outbox_id in rest.ids])
            raise
        except CrmRejected as refusal:
            refused += 1
            if refused >= HOPELESS and not taken:
                raise
            if len(one.ids) == 1:
                _refuse(shift, one, refusal)
            else:
                parts += one.cut(-(-len(one.ids) // 2))


def _one_call(shift: Shift, batch: Part) -> None:
    reached("before_send")
    call = shift.target.delete if batch.deletes else shift.target.upsert
    answers = _checked(batch.rows, call(shift.kind, batch.rows))
    reached("after_send_before_receipt")
    shift.settle(batch.ids, answers, deletes=batch.deletes)


def _refuse(shift: Shift, batch: Part, refusal: CrmRejected) -> None:
    """The row that the CRM refused a whole request for, with the CRM's words."""
    key = batch.rows.column("key")[0].as_py()
    shift.settle(batch.ids, [RowResult(key, False, code=refusal.crm_code, message=refusal.crm_message)])


def _what_is_left(shift: Shift, batch: Part, *, read_back: bool) -> list[int]:
    """After a call without an answer: what was executed is noted, the rest compared anew; ids still to be sent."""
    with shift.engine.connect() as connection:
        unanswered = [one for one, fact in outbox.facts(connection, batch.ids).items() if fact.state == "sending"]
    if not unanswered or not read_back:
        return unanswered
    rest, live = shift.read_back(unanswered)
    if not rest:
        return []
    found = shift.compare(rest, live)
    return found.deletions if batch.deletes else found.upserts


def _checked(rows: pa.Table, answers: Sequence[RowResult]) -> Sequence[RowResult]:
    """The answers, if there is one a row in the order of the rows; a receipt on the wrong record would hide a loss."""
    if [answer.key for answer in answers] != rows.column("key").to_pylist():
        raise BadResponse(
            f"The CRM gave {len(answers)} answers to {rows.num_rows} rows, or in another order.",
            todo="Nothing was noted; what was written is read back. If it stays, the connector does not fit this CRM.",
        )
    return answers

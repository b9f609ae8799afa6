"""Receipts: what the CRM answered, one per record, written in the transaction that settles the outbox."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from fieldwork.connectors.base import RowResult

from .statements import read


def is_final(answer: RowResult) -> bool:
    """Accepted, or refused for good; else the same row may succeed later."""
    return answer.ok or not answer.retryable


def settle(
    connection: sa.Connection, ids: Sequence[int], answers: Sequence[RowResult], fields: str, *, takes_back: bool
) -> None:
    """Note the answers to the changes ``ids`` (equally long, in order), sent by the mapping ``fields``.

    Retryable refusals wait again. What an undo took back is parked (``takes_back``: some of these are of an undo).
    """
    where = {"outbox_ids": list(ids)}
    connection.execute(
        sa.text(read("settle")),
        {
            **where,
            "ok": [answer.ok for answer in answers],
            "crm_ids": [answer.crm_id for answer in answers],
            "codes": [answer.code for answer in answers],
            "messages": [answer.message for answer in answers],
            "final": [is_final(answer) for answer in answers],
            "fields": fields,
        },
    )
    if takes_back:
        connection.execute(sa.text(read("park")), where)

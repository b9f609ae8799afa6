"""Which instants a stream has been read for: the union of the windows of its closed batches."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa


def reaches_back_to(connection: sa.Connection, stream: str, instant: datetime) -> datetime | None:
    """How far the stream is read without a gap before ``instant``; None when it is not read up to there."""
    return connection.execute(
        sa.text(
            """
            select lower(span)
            from (
                select unnest(range_agg(tstzrange(window_start, window_end))) as span
                from ops.batch
                where stream = :stream and kind = 'extract' and state = 'closed' and window_start < window_end
            ) as spans
            where lower(span) < :instant and upper(span) >= :instant
            """
        ),
        {"stream": stream, "instant": instant},
    ).scalar_one_or_none()

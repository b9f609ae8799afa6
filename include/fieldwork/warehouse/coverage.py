"""Which instants a stream has been read for: the union of the windows of its closed batches."""

from __future__ import annotations

from datetime import date, datetime

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


def days_read(connection: sa.Connection, stream: str, since: date, until: date, zone: str) -> list[date]:
    """The days of ``[since, until)`` for which the stream is read from midnight to midnight."""
    return list(
        connection.execute(
            sa.text(
                """
                select day::date
                from generate_series(cast(:since as timestamp), cast(:until as timestamp), '1 day') as day
                cross join (
                    select range_agg(tstzrange(window_start, window_end)) as spans
                    from ops.batch
                    where stream = :stream and kind = 'extract' and state = 'closed' and window_start < window_end
                ) as read
                where
                    day < :until
                    and spans @> tstzrange(day at time zone :zone, (day + interval '1 day') at time zone :zone)
                order by day
                """
            ),
            {"since": since, "until": until, "stream": stream, "zone": zone},
        ).scalars()
    )

-- What the same weekday usually has, beside the rows of each day of a batch; written to ops.batch_day.
-- Grain: one row per day given. Keys: batch_id, day.
-- Inputs: :days, :rows, :whole, :expected (arrays of one length, one element a day); :batch_id; :system, :stream;
--         :weeks (how far back weekdays are looked at), :least_days and :least_rows (less than that is too little to
--         compare with); :stale_days (of the batch, null where it does not apply).
-- Only days that are worked by the calendar are compared, with worked days alone: a holiday among them says nothing.
-- A make-up workday has no weekday of its own: it is compared with every worked day of those weeks.
with asked as (
    select
        given.day,
        given.row_count,
        given.whole,
        given.expected,
        calendar.kind
    from unnest(
        cast(:days as date[]), cast(:rows as bigint[]), cast(:whole as boolean[]), cast(:expected as boolean[])
    ) as given (day, row_count, whole, expected)
    left join ref.calendar_day as calendar on given.day = calendar.work_date
),

earlier as (
    -- of a day that was read several times the last reading counts
    select distinct on (known.day)
        known.day,
        known.rows as row_count
    from ops.batch_day as known
    inner join ops.batch as batch on known.batch_id = batch.batch_id
    where
        batch.system = :system
        and batch.stream = :stream
        and batch.state = 'closed'
        and known.whole
        and known.day >= (select min(asked.day) from asked) - 7 * cast(:weeks as integer)
        and known.day < (select max(asked.day) from asked)
    order by known.day asc, known.batch_id desc
),

past as (
    select
        seen.day,
        seen.row_count
    from (
        select
            asked.day,
            asked.row_count
        from asked
        where asked.whole
        union all
        select
            earlier.day,
            earlier.row_count
        from earlier
        where not exists (select 1 from asked where asked.day = earlier.day)
    ) as seen
    inner join ref.calendar_day as calendar on seen.day = calendar.work_date
    where calendar.kind in ('workday', 'makeup')
),

compared as (
    select
        asked.day,
        asked.row_count,
        asked.whole,
        asked.expected,
        (
            select
                case
                    when
                        count(*) >= cast(:least_days as integer)
                        and percentile_cont(0.5) within group (order by past.row_count)
                        >= cast(:least_rows as integer)
                        then percentile_cont(0.5) within group (order by past.row_count)
                end
            from past
            where
                asked.whole
                and past.day < asked.day
                and past.day >= asked.day - 7 * cast(:weeks as integer)
                and (
                    asked.kind = 'makeup'
                    or asked.kind = 'workday'
                    and extract(isodow from past.day) = extract(isodow from asked.day)
                )
        ) as usual
    from asked
)

insert into ops.batch_day (batch_id, day, whole, rows, expected, usual, share, stale_days)
select
    cast(:batch_id as bigint),
    compared.day,
    compared.whole,
    compared.row_count,
    compared.expected,
    compared.usual,
    compared.row_count / compared.usual,
    cast(:stale_days as double precision)
from compared

-- What was believed at an instant: functions report.<table>_as_of, one pair for each joined table.
-- Inputs: mart.<table>, mart.<table>_history, ref.rule_version. Run whole after every migration, like views.sql: the
-- columns are those that the tables have by then.
--
-- With an instant: the rows that a reader would have found then. With a date: as that day ended in the company's zone. A
-- version is believed from published_at until believed_until; the functions see what their caller may see.
do $as_of$
declare
    joined text;
    columns text;
begin
    for joined in
        select relname
        from pg_class
        where
            relnamespace = 'mart'::regnamespace
            and relkind = 'r'
            and to_regclass('mart.' || relname || '_history') is not null
    loop
        select string_agg(quote_ident(attname), ', ' order by attnum)
        into columns
        from pg_attribute
        where attrelid = format('mart.%I', joined)::regclass and attnum > 0 and not attisdropped;
        execute format(
            $create$
            create or replace function report.%1$I(instant timestamptz) returns setof mart.%2$I
            language sql stable parallel safe security invoker
            as $body$
                select %3$s from mart.%2$I where published_at <= instant
                union all
                select %3$s from mart.%4$I where published_at <= instant and believed_until > instant
            $body$
            $create$,
            joined || '_as_of', joined, columns, joined || '_history'
        );
        execute format(
            $create$
            create or replace function report.%1$I(day date) returns setof mart.%2$I
            language sql stable parallel safe security invoker
            as $body$
                select v.*
                from ref.rule_version as r
                cross join lateral report.%1$I(((day + 1)::timestamp at time zone r.time_zone)) as v
                where day >= r.valid_from and day < coalesce(r.valid_to, 'infinity')
            $body$
            $create$,
            joined || '_as_of', joined
        );
        execute format(
            'comment on function report.%I(timestamptz) is %L',
            joined || '_as_of', format('The rows of mart.%s as they were believed at the instant', joined)
        );
        execute format(
            'comment on function report.%I(date) is %L',
            joined || '_as_of', format('The rows of mart.%s as they were believed when the day ended', joined)
        );
    end loop;
end
$as_of$;

-- The one that is asked for most has a short name too.
create or replace function report.performance_as_of(day date) returns setof mart.performance_day
language sql stable parallel safe security invoker
as $body$ select v.* from report.performance_day_as_of(day) as v $body$;

comment on function report.performance_as_of(date) is
'The same as performance_day_as_of: what every person-day''s performance was believed to be when the day ended';
